"""The board "is this yours?": found machines that every employee is shown, so that whoever knows one can say so.

What it shows is little, since everybody reads it: name, guest name, size, whether it runs and since when we know it.
Notes, addresses, folders and labels stay with administrators: people write passwords and customers' names there.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.audit.actions import HOUSE, Actor, record_many
from lifecycle.estate.models import LEASED, Machine, Stage
from lifecycle.notices.actions import post
from lifecycle.people.models import User
from lifecycle.people.permissions import require
from lifecycle.sprawl.models import BoardPlace, Claim
from lifecycle.sprawl.permissions import FILL_BOARD

CHUNK = 500


def shown() -> QuerySet[BoardPlace]:
    """What stands on the board now, newest first: what got a holder a moment ago is left out at once."""
    return BoardPlace.objects.filter(machine__in=Machine.objects.ownerless()).select_related("machine")


def put_up(machines: Iterable[Machine], *, by: User) -> int:
    """Shows machines that nobody holds to every employee. Returns how many were not on the board before."""
    require(by, FILL_BOARD)
    wanted = sorted({machine.pk for machine in machines})
    return sum(_put_up(wanted[start : start + CHUNK], by=by) for start in range(0, len(wanted), CHUNK))


@transaction.atomic
def _put_up(pks: list[int], *, by: User) -> int:
    there = BoardPlace.objects.filter(machine=OuterRef("pk"))
    # Locked, so that none of them gets a holder between the question and the answer.
    free = Machine.objects.ownerless().filter(~Exists(there), pk__in=pks).select_for_update(of=("self",)).order_by("pk")
    new, at = list(free), clock.now()
    BoardPlace.objects.bulk_create([BoardPlace(machine=machine, by=by, at=at) for machine in new])
    record_many("machine.put_on_board", new, by=by)
    return len(new)


@transaction.atomic
def take_down(machines: Iterable[Machine], *, by: User) -> int:
    """From the board; claims that were made stay to be decided. Returns how many stood there."""
    require(by, FILL_BOARD)
    places = BoardPlace.objects.filter(machine__in=list(machines)).select_related("machine").select_for_update()
    gone = [place.machine for place in places.order_by("machine_id")]
    BoardPlace.objects.filter(machine__in=gone).delete()
    record_many("machine.taken_off_board", gone, by=by)
    return len(gone)


def clear(machine: Machine, *, by: Actor) -> None:
    """It has a holder, or needs none: off the board, and whoever else claimed it is told.

    Runs inside the caller's transaction, which has locked the machine before.
    """
    BoardPlace.objects.filter(machine=machine).delete()
    words = _("Somebody holds it now.") if machine.stage in LEASED else _("It is not there any more.")
    if machine.stage == Stage.DISCOVERED:
        words = _("It belongs to something that manages it.")
    waiting = list(Claim.objects.filter(machine=machine, state=Claim.State.OPEN).select_related("by", "machine"))
    overtaken = [claim for claim in waiting if end(claim, Claim.State.OVERTAKEN, by=by, answer=words)]
    record_many("claim.overtaken", overtaken, by=by)
    for claim in overtaken:
        subject = _("Your claim of %(machine)s was overtaken") % {"machine": machine.name}
        tell(claim, "overtaken", subject, words=words)


def end(claim: Claim, state: Claim.State, *, by: Actor, answer: str = "") -> bool:
    """Compare-and-set: whoever is second finds it decided."""
    decided = {"state": state, "decided_by_id": by.pk, "decided_at": clock.now(), "answer": answer}
    done = Claim.objects.filter(pk=claim.pk, state=Claim.State.OPEN).update(**decided)
    if done:
        claim.refresh_from_db(fields=["state", "decided_by", "decided_at", "answer"])
    return bool(done)


def tell(claim: Claim, kind: str, subject: str, *, words: str = "", path: str = "") -> None:
    post(
        claim.by,
        f"claim_{kind}",
        key=f"claim_{kind}:{claim.pk}",
        subject=subject,
        context={"machine": claim.machine.name, "words": words},
        path=path or "/board/",
    )


def tidy() -> int:
    """Clears what needs no holder any more: it went from its hypervisor, or something manages it. Returns how many."""
    return sum(_tidy(machine.pk) for machine in _needless()[:CHUNK])


def _needless() -> QuerySet[Machine]:
    # A machine that is missing for a moment keeps its place and its claims: it is only not shown.
    wanted = Machine.objects.filter(stage=Stage.DISCOVERED, managed_by="", managed_rule="").order_by().values("pk")
    waiting = Claim.objects.filter(state=Claim.State.OPEN).exclude(machine__in=wanted).order_by().values("machine")
    places = BoardPlace.objects.exclude(machine__in=wanted).order_by().values("machine")
    return Machine.objects.filter(pk__in=places.union(waiting)).order_by("pk")


@transaction.atomic
def _tidy(pk: int) -> int:
    clear(Machine.objects.select_for_update().get(pk=pk), by=HOUSE)
    return 1
