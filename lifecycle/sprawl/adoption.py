"""Giving an orphan a holder: the lease begins and the finding ends together."""

from __future__ import annotations

from datetime import date

from django.db import transaction

from lifecycle import clock
from lifecycle.leases.actions import adopt
from lifecycle.leases.models import Lease
from lifecycle.people.models import Team, User
from lifecycle.sprawl.models import Finding


@transaction.atomic
def assign_holder(
    finding: Finding,
    *,
    holder: User | None = None,
    team: Team | None = None,
    purpose: str,
    last_day: date,
    by: User,
) -> Lease:
    """Ends an orphan finding by a holder, a purpose and an end date. Raises as `adopt`."""
    lease = adopt(finding.on_machine, holder=holder, team=team, purpose=purpose, last_day=last_day, by=by)
    Finding.objects.filter(pk=finding.pk, ended_at=None).update(ended_at=clock.now())
    return lease
