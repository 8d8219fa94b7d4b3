"""Applying a list that was tried: row by row, each a transaction of its own, by a worker that may stop at any time."""

from __future__ import annotations

import logging
import time
from typing import Any

from celery import current_app
from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.audit.actions import record
from lifecycle.errors import Conflict, DomainError
from lifecycle.estate.models import Machine
from lifecycle.leases.permissions import ASSIGN_HOLDER
from lifecycle.people.models import User
from lifecycle.people.permissions import require
from lifecycle.sprawl.adoption import give_holder, tell
from lifecycle.sprawl.lists.trying import outcome_against
from lifecycle.sprawl.models import AdoptionList, AdoptionRow

log = logging.getLogger(__name__)

CHUNK = 50
LONGEST = 60.0
"""Seconds that one call works; the rest is asked for anew, so that a worker can be stopped between."""
State, Outcome = AdoptionList.State, AdoptionRow.Outcome


@transaction.atomic
def apply_list(kept: AdoptionList, *, by: User) -> AdoptionList:
    """Decides it; a worker does it. Raises Conflict when somebody decided before."""
    require(by, ASSIGN_HOLDER)
    mine = AdoptionList.objects.filter(pk=kept.pk, state=State.TRIED)
    if not mine.update(state=State.APPLYING, applied_by=by):
        raise Conflict(_("This list was applied already."))
    kept.refresh_from_db()
    record("adoptions.begun", kept, by=by, rows=kept.rows.filter(outcome=Outcome.READY).count())
    transaction.on_commit(lambda: wake(kept.pk))
    return kept


def wake(pk: int) -> None:
    """A hint, no more: when it is lost, the next sweep finds the list."""
    try:
        current_app.send_task("lifecycle.tasks.apply_adoptions", args=[pk], expires=30)
    except Exception:  # whatever the broker raises, the decision is committed and must stand
        log.warning("No worker could be woken for the list %s; the sweep will find it.", pk, exc_info=True)


def go_on(pk: int | None = None, *, longest: float = LONGEST) -> None:
    """Works on one list, or on all that are being applied. Safe at once and again: a row is done once."""
    end = time.monotonic() + longest
    under_way = AdoptionList.objects.filter(state=State.APPLYING).order_by("pk")
    for kept in under_way.filter(pk=pk) if pk else under_way:
        if not _work(kept, until=end):
            wake(kept.pk)
            return
        _finish(kept)


def counts(kept: AdoptionList) -> dict[str, int]:
    """Outcome -> rows; those that no row has are left out."""
    found = kept.rows.order_by().values_list("outcome").annotate(n=Count("pk"))
    return dict(found)


def _work(kept: AdoptionList, *, until: float) -> bool:
    """Whether every row was done."""
    ready = kept.rows.filter(outcome=Outcome.READY).select_related("machine__endpoint", "person", "team")
    while rows := list(ready.order_by("number")[:CHUNK]):
        for row in rows:
            if time.monotonic() > until:
                return False
            _apply(row, by=kept.applied_by or kept.by)
    return True


def _apply(row: AdoptionRow, *, by: User) -> None:
    try:
        _give(row, by=by)
    except DomainError as error:
        _leave_out(row, error.message)
    except Exception:
        # Whatever is wrong with one row must not keep the others, and other lists, waiting for ever.
        log.exception("Row %s could not be applied.", row.pk)
        _leave_out(row, _("It failed, and nothing was changed. The log says why."))


@transaction.atomic
def _give(row: AdoptionRow, *, by: User) -> None:
    """The row and the machine change together. Whoever works on the same row waits here, and finds it done."""
    if not AdoptionRow.objects.filter(pk=row.pk, outcome=Outcome.READY).update(outcome=Outcome.GIVEN):
        return
    assert row.machine is not None and row.last_day is not None  # noqa: S101, PT018 - else it is not ready
    machine = Machine.objects.select_related("endpoint", "holder", "team").get(pk=row.machine.pk)
    give_holder(machine, holder=row.person, team=row.team, purpose=row.purpose, last_day=row.last_day, by=by)


def _leave_out(row: AdoptionRow, sentence: str) -> None:
    assert row.machine is not None  # noqa: S101 - it was ready
    machine = Machine.objects.get(pk=row.machine.pk)
    AdoptionRow.objects.filter(pk=row.pk, outcome=Outcome.READY).update(
        outcome=outcome_against(machine), problem=sentence[:500]
    )


@transaction.atomic
def _finish(kept: AdoptionList) -> None:
    if not AdoptionList.objects.filter(pk=kept.pk, state=State.APPLYING).update(
        state=State.APPLIED, applied_at=clock.now()
    ):
        return
    by = kept.applied_by or kept.by
    found: dict[str, Any] = {str(outcome): count for outcome, count in counts(kept).items()}
    record("adoptions.applied", kept, by=by, **{str(Outcome.GIVEN): 0} | found)
    given = kept.rows.filter(outcome=Outcome.GIVEN).values("machine")
    machines = Machine.objects.filter(pk__in=given).select_related("holder", "team").order_by("pk")
    tell(list(machines), by=by, key=f"adoptions:{kept.pk}")
