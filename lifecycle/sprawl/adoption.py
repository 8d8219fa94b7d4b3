"""Giving found machines a holder: the lease begins, the findings end and the board is cleared together."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from lifecycle import clock
from lifecycle.audit.actions import HOUSE, Actor, record
from lifecycle.errors import Conflict, DomainError
from lifecycle.estate.models import LEASED, Endpoint, Machine, Stage
from lifecycle.leases.actions import adopt, check_adoption, restamp
from lifecycle.leases.models import Lease
from lifecycle.leases.permissions import ASSIGN_HOLDER
from lifecycle.leases.warnings import recipients
from lifecycle.notices.actions import post
from lifecycle.operations.models import Operation
from lifecycle.people.models import Team, User
from lifecycle.people.permissions import require
from lifecycle.sprawl import board
from lifecycle.sprawl.models import Finding, Kind

log = logging.getLogger(__name__)

ENDED_BY_A_HOLDER = (Kind.ORPHAN, Kind.OWNERLESS)
"""The other findings say what is wrong with a machine whoever holds it."""
NAMED_IN_A_MAIL = 20
STAMPS = (Operation.Kind.CREATE, Operation.Kind.ANNOTATE)
"""Work that writes onto a VM whose it is."""
STAMPED_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Adopted:
    """What became of one machine of many."""

    machine: Machine
    lease: Lease | None = None
    problem: str = ""
    """Why it has no holder now; empty where it has."""


def why_not(machine: Machine) -> str:
    """Why this machine cannot be given a holder, in a sentence; empty where it can."""
    if machine.stage in LEASED:
        return _("%(person)s holds it already.") % {"person": machine.holder_name}
    if machine.stage == Stage.BUILDING:
        return _("It is being built for somebody.")
    if machine.stage != Stage.DISCOVERED:
        return _("It is not there any more.")
    if manager := machine.managed_by or machine.managed_rule:
        return _("%(manager)s manages it.") % {"manager": manager}
    return ""


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
    """Ends an orphan finding by a holder, a purpose and an end date. Raises as `give_holder`."""
    lease = give_holder(finding.on_machine, holder=holder, team=team, purpose=purpose, last_day=last_day, by=by)
    tell([lease.machine], by=by, key=f"adopted:{lease.pk}:{lease.started_at.isoformat()}")
    return lease


@transaction.atomic
def give_holder(
    machine: Machine, *, holder: User | None = None, team: Team | None = None, purpose: str, last_day: date, by: Actor
) -> Lease:
    """Raises as `adopt`, and Conflict where something else manages the machine. Telling people is left to the caller,
    who may have given them many."""
    require(by, ASSIGN_HOLDER)
    if problem := why_not(machine):
        raise Conflict(problem)
    lease = adopt(machine, holder=holder, team=team, purpose=purpose, last_day=last_day, by=by)
    Finding.objects.filter(machine=machine, kind__in=ENDED_BY_A_HOLDER, ended_at=None).update(ended_at=clock.now())
    board.clear(machine, by=by)
    record("machine.adopted", machine, by=by, holder=machine.holder_name, last_day=last_day.isoformat())
    return lease


def adopt_many(
    machines: Iterable[Machine],
    *,
    holder: User | None = None,
    team: Team | None = None,
    purpose: str,
    last_day: date,
    by: Actor,
) -> list[Adopted]:
    """Each machine in a transaction of its own: one that cannot be given costs only itself.

    Raises Forbidden, and Invalid when holder, purpose or last day would fit no machine; then nothing was done.
    A second run gives nothing twice: it says of each who holds it already.
    """
    require(by, ASSIGN_HOLDER)
    check_adoption(holder=holder, team=team, purpose=purpose, last_day=last_day, by=by)
    found = [
        adopt_one(machine.pk, holder=holder, team=team, purpose=purpose, last_day=last_day, by=by)
        for machine in machines
    ]
    given = [each for each in found if each.lease]
    if given and given[0].lease:
        with transaction.atomic():
            tell([each.machine for each in given], by=by, key=f"adopted:{given[0].lease.pk}:{clock.now().isoformat()}")
    return found


def adopt_one(pk: int, *, holder: User | None, team: Team | None, purpose: str, last_day: date, by: Actor) -> Adopted:
    """As the machine is now, not as it was when the list was drawn up. Raises nothing that is about one machine."""
    machine = Machine.objects.select_related("endpoint", "holder", "team").get(pk=pk)
    try:
        lease = give_holder(machine, holder=holder, team=team, purpose=purpose, last_day=last_day, by=by)
    except DomainError as error:
        return Adopted(machine, problem=error.message)
    except DatabaseError:
        log.exception("Machine %s could not be given a holder.", pk)
        return Adopted(machine, problem=_("The database refused it; nothing was changed. Try it again."))
    return Adopted(machine, lease)


def stamp_missing() -> int:
    """Onto VMs whose they are, where we may write only now: they were adopted while we observed. Returns how many."""
    stamped = Operation.objects.filter(machine=OuterRef("pk"), kind__in=STAMPS)
    bare = Machine.objects.filter(~Exists(stamped), stage=Stage.ACTIVE, endpoint__mode=Endpoint.Mode.MANAGE)
    bare = bare.filter(missing_since=None, lease__ended_at=None, lease__isnull=False).select_related(
        "lease", "endpoint", "holder", "team"
    )
    return sum(_stamp(machine) for machine in bare.order_by("pk")[:STAMPED_AT_ONCE])


@transaction.atomic
def _stamp(machine: Machine) -> int:
    restamp(machine.lease, by=HOUSE)
    return 1


def tell(machines: Sequence[Machine], *, by: Actor, key: str, but: User | None = None) -> None:
    """One message to each person, however many machines are theirs now. Runs inside the caller's transaction.

    Whoever gave them, and `but`, know already.
    """
    know = {by.pk, but.pk if but else None}
    groups: defaultdict[tuple[int | None, int | None], list[Machine]] = defaultdict(list)
    for machine in machines:
        groups[machine.holder_id, machine.team_id].append(machine)
    theirs: defaultdict[User, list[Machine]] = defaultdict(list)
    for group in groups.values():
        for person in recipients(group[0]):
            if person.pk not in know:
                theirs[person] += group
    for person, given in theirs.items():
        _tell_one(person, given, by=by, key=key)


def _tell_one(person: User, given: list[Machine], *, by: Actor, key: str) -> None:
    one = given[0]
    subject = ngettext("%(machine)s is yours now", "%(n)s machines are yours now", len(given))
    post(
        person,
        "adopted",
        key=f"{key}:{person.pk}",
        subject=subject % {"machine": one.name, "n": len(given)},
        context={
            "who": str(by),
            "machines": [machine.name for machine in given[:NAMED_IN_A_MAIL]],
            "more": max(0, len(given) - NAMED_IN_A_MAIL),
            "purpose": one.purpose if len({machine.purpose for machine in given}) == 1 else "",
        },
        path=f"/machines/{one.pk}/" if len(given) == 1 else "/machines/",
    )
