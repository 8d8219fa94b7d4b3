"""Somebody leaves: what waited for their decision goes on to who stands above, and what they hold is told."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from lifecycle import clock
from lifecycle.audit.actions import HOUSE, Actor, record
from lifecycle.estate.models import LIVE, Machine
from lifecycle.notices.actions import post
from lifecycle.people import leaving
from lifecycle.people.imports import apply_import
from lifecycle.people.models import PeopleImport, User
from lifecycle.people.queries import admins, approver_for, has_left
from lifecycle.requests.asking import tell_deciders
from lifecycle.requests.models import Request, Step


@transaction.atomic
def leave(person: User, *, left_on: date, by: Actor) -> User:
    """Their last day; when it has passed, their decisions go to who stands above them, at once."""
    person = leaving.set_left(person, left_on=left_on, by=by)
    reassign_steps(by=by)
    _tell_what_they_hold(person)
    return person


def see_out() -> int:
    """Locks out whoever's last day has passed, and passes on what waited for them. Returns how many left."""
    gone = leaving.lock_out_leavers()
    reassign_steps(by=HOUSE)
    return len(gone)


def reassign_steps(*, by: Actor) -> int:
    """Asks somebody else wherever a decision waits for a person who has left; administrators where nobody is above."""
    waiting = Step.objects.filter(
        Q(approver__is_active=False) | Q(approver__left_on__lte=clock.now().date()),
        state=Step.State.WAITING,
        request__state=Request.State.WAITING,
    )
    passed_on = 0
    for step in waiting.select_related("approver", "request__requester__supervisor"):
        if step.approver is not None and has_left(step.approver):
            passed_on += _pass_on(step, by=by)
    return passed_on


def _pass_on(step: Step, *, by: Actor) -> bool:
    before, approver = step.approver, approver_for(step.request.requester)
    with transaction.atomic():
        mine = Step.objects.filter(pk=step.pk, state=Step.State.WAITING, approver=before)
        if not mine.update(approver=approver):
            return False
        step.approver = approver
        words = {"before": str(before), "after": str(approver or _("administrators"))}
        record("request.passed_on", step.request, by=by, step=step.pk, **words)
        tell_deciders(step.request, step)
    return True


def _tell_what_they_hold(person: User) -> None:
    """The supervisor, or the administrators: machines of a leaver run on until somebody takes or returns them."""
    count = Machine.objects.filter(holder=person, stage__in=LIVE).count()
    if not count:
        return
    held = ngettext("%(person)s leaves and holds %(n)s machine", "%(person)s leaves and holds %(n)s machines", count)
    above = approver_for(person)
    for recipient in [above] if above else admins():
        post(
            recipient,
            "leaver",
            key=f"leaver:{person.pk}:{person.left_on}:{recipient.pk}",
            subject=held % {"person": person, "n": count},
            context={"words": _("They run on until their leases end. Have somebody take them over, or return them.")},
            path=f"/machines/?q={person.username}",
        )


@transaction.atomic
def apply_people(
    kept: PeopleImport, *, by: Actor, teams: Collection[str] = (), cost_centres: Collection[str] = ()
) -> PeopleImport:
    """A list of people, and what follows for decisions that waited for leavers among them. Raises as `apply_import`."""
    applied = apply_import(kept, by=by, teams=teams, cost_centres=cost_centres)
    reassign_steps(by=by)
    return applied
