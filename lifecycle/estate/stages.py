"""The only place that writes a machine's stage: a literal table of moves, written by compare-and-set."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from lifecycle.audit.actions import Actor, record
from lifecycle.errors import Conflict
from lifecycle.estate.models import Machine, Stage

MOVES: dict[Stage, frozenset[Stage]] = {
    Stage.DISCOVERED: frozenset({Stage.ACTIVE, Stage.REMOVED}),
    Stage.BUILDING: frozenset({Stage.ACTIVE, Stage.FAILED}),
    Stage.ACTIVE: frozenset({Stage.EXPIRED, Stage.DISCOVERED}),
    Stage.EXPIRED: frozenset({Stage.ACTIVE, Stage.QUARANTINED}),
    Stage.QUARANTINED: frozenset({Stage.ACTIVE, Stage.REMOVING}),
    Stage.REMOVING: frozenset({Stage.QUARANTINED, Stage.REMOVED}),
    Stage.REMOVED: frozenset(),
    Stage.FAILED: frozenset(),
}


WORDS: dict[tuple[Stage, Stage], str] = {
    (Stage.DISCOVERED, Stage.REMOVED): "merged",
    (Stage.EXPIRED, Stage.ACTIVE): "came_back",
    (Stage.QUARANTINED, Stage.ACTIVE): "came_back",
    (Stage.REMOVING, Stage.QUARANTINED): "kept",
    (Stage.ACTIVE, Stage.DISCOVERED): "released",
}
"""Moves that undo an earlier one, and the end of a row that another goes on for, have a word of their own in the
record; all others are called by where they lead."""


def move(machine: Machine, to: Stage, *, by: Actor, reason: str = "", **changes: Any) -> Machine:
    """Moves the machine to another stage, together with `changes` to its columns, and records it.

    Raises Conflict, having changed nothing, when the move is not in the table or somebody else moved it first.
    """
    before = Stage(machine.stage)
    if to not in MOVES[before]:
        raise Conflict(
            _("%(machine)s is %(stage)s; that is not possible now.") % {"machine": machine.name, "stage": before.label}
        )
    if not Machine.objects.filter(pk=machine.pk, stage=before).update(stage=to, **changes):
        raise Conflict(_("%(machine)s was changed a moment ago. Look again.") % {"machine": machine.name})
    machine.stage = to
    for column, value in changes.items():
        setattr(machine, column, value)
    record(f"machine.{WORDS.get((before, to), to)}", machine, by=by, reason=reason, before=before.value)
    return machine
