"""Claims: employees say that a machine on the board is theirs, and administrators decide."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.audit.actions import record
from lifecycle.errors import Conflict, Invalid
from lifecycle.estate.models import Machine
from lifecycle.leases.actions import check_adoption
from lifecycle.leases.models import Lease
from lifecycle.notices.actions import post
from lifecycle.people.models import Team, User
from lifecycle.people.permissions import require
from lifecycle.people.queries import admins
from lifecycle.people.roles import Right, has
from lifecycle.sprawl import board
from lifecycle.sprawl.adoption import give_holder, tell
from lifecycle.sprawl.models import Claim
from lifecycle.sprawl.permissions import CLAIM, DECIDE_CLAIM, WITHDRAW_CLAIM

State = Claim.State


def visible_to(user: User) -> QuerySet[Claim]:
    """All for administrators and auditors; everybody else sees their own."""
    found = Claim.objects.select_related("machine__endpoint", "by__team", "decided_by")
    return found if has(user, Right.SEE_ALL) else found.filter(by=user)


def waiting(user: User) -> QuerySet[Claim]:
    """What this person could decide, oldest first: everything open but their own."""
    return visible_to(user).filter(state=State.OPEN).exclude(by=user).order_by("at", "id")


@transaction.atomic
def claim(machine: Machine, *, for_team: bool = False, reason: str, purpose: str, last_day: date, by: User) -> Claim:
    """Raises Conflict where the machine is not on the board any more, or was claimed by this person already."""
    require(by, CLAIM)
    if for_team and by.team is None:
        raise Invalid(_("You are in no team."), field="for_team")
    if not reason.strip():
        raise Invalid(_("Say how you know that it is yours."), field="reason")
    holder, team = _holder(by, for_team=for_team)
    check_adoption(holder=holder, team=team, purpose=purpose, last_day=last_day, by=by)
    # Whoever is given the machine at this moment clears its claims behind this lock.
    machine = Machine.objects.select_for_update(of=("self",)).get(pk=machine.pk)
    if not board.shown().filter(machine=machine).exists():
        raise Conflict(_("%(machine)s is not on the board any more.") % {"machine": machine})
    if Claim.objects.filter(machine=machine, by=by, state=State.OPEN).exists():
        raise Conflict(_("You have claimed %(machine)s already.") % {"machine": machine})
    made = Claim.objects.create(
        machine=machine, by=by, for_team=for_team, reason=reason.strip(), purpose=purpose.strip(),
        last_day=last_day, at=clock.now(),
    )  # fmt: skip
    record("claim.made", made, by=by, reason=made.reason, machine=machine.name)
    _tell_admins(made)
    return made


@transaction.atomic
def withdraw(claim: Claim, *, by: User) -> Claim:
    require(by, WITHDRAW_CLAIM, claim)
    _end(claim, State.WITHDRAWN, by=by)
    record("claim.withdrawn", claim, by=by, machine=claim.machine.name)
    return claim


@transaction.atomic
def accept(claim: Claim, *, by: User, last_day: date | None = None) -> Lease:
    """Gives the machine to the claimant or their team; the other claims of it are overtaken.

    `last_day` is for a claim that waited until its own had passed. Raises as `give_holder`.
    """
    require(by, DECIDE_CLAIM, claim)
    # The machine first, as all who give it a holder do: two decisions at once wait for each other, not crosswise.
    machine = Machine.objects.select_for_update(of=("self",)).select_related("endpoint").get(pk=claim.machine_id)
    _end(claim, State.ACCEPTED, by=by)
    holder, team = _holder(claim.by, for_team=claim.for_team)
    last_day = last_day or claim.last_day
    lease = give_holder(machine, holder=holder, team=team, purpose=claim.purpose, last_day=last_day, by=by)
    record("claim.accepted", claim, by=by)
    subject = _("%(machine)s is yours now") % {"machine": machine.name}
    board.tell(claim, "accepted", subject, path=f"/machines/{machine.pk}/")
    tell([lease.machine], by=by, key=f"claimed:{claim.pk}", but=claim.by)
    return lease


@transaction.atomic
def refuse(claim: Claim, *, by: User, words: str) -> Claim:
    """The machine stays on the board, and others may claim it, or the same person again with better reasons."""
    require(by, DECIDE_CLAIM, claim)
    if not words.strip():
        raise Invalid(_("Say why it is refused."), field="words")
    _end(claim, State.REFUSED, by=by, answer=words.strip()[:500])
    record("claim.refused", claim, by=by, reason=claim.answer)
    board.tell(claim, "refused", _("Your claim of %(machine)s was refused") % {"machine": claim.machine}, words=words)
    return claim


def _holder(person: User, *, for_team: bool) -> tuple[User | None, Team | None]:
    return (None, person.team) if for_team else (person, None)


def _end(claim: Claim, state: Claim.State, *, by: User, answer: str = "") -> None:
    if not board.end(claim, state, by=by, answer=answer):
        claim.refresh_from_db(fields=["state"])
        raise Conflict(_("This claim is decided already: %(state)s.") % {"state": claim.get_state_display()})


def _tell_admins(made: Claim) -> None:
    for person in admins().exclude(pk=made.by_id):
        post(
            person,
            "claim_waits",
            key=f"claim_waits:{made.pk}:{person.pk}",
            subject=_("%(person)s claims %(machine)s") % {"person": made.by, "machine": made.machine.name},
            context={
                "person": str(made.by),
                "team": str(made.by.team or "") if made.for_team else "",
                "machine": made.machine.name,
                "reason": made.reason,
                "purpose": made.purpose,
            },
            path=f"/claims/{made.pk}/",
        )
