"""Leased machines that nobody answers for: no person, and no team or one in which nobody is left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q

from lifecycle.estate.models.machines import LEASED
from lifecycle.people.models import Team, User
from lifecycle.people.queries import leavers
from lifecycle.sprawl.detectors import Candidate, evidence, moment, whole
from lifecycle.sprawl.subjects import present_machines


def detect(now: datetime) -> Iterator[Candidate]:
    gone = leavers(now=now)
    there = User.objects.exclude(pk__in=gone).filter(team__isnull=False).order_by().values("team")
    empty = Team.objects.exclude(pk__in=there).order_by().values("pk")
    nobody = (Q(holder=None) | Q(holder__in=gone)) & Q(team__in=empty) | Q(holder=None, team=None)
    found = present_machines().filter(nobody, stage__in=LEASED).select_related("team", "lease")
    for machine in found.iterator():
        lease = getattr(machine, "lease", None)
        yield Candidate(
            machine.pk,
            now,
            evidence(
                empty_team=machine.team.name if machine.team else "",
                no_holder="" if machine.team else "yes",
                purpose=machine.purpose,
                held_since=moment(lease.started_at if lease else None),
            ),
            **whole(machine),
        )
