"""Undoing a list that was applied: exactly its rows become what they were, where nobody has changed them since."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.audit.actions import Actor, record, record_each
from lifecycle.audit.models import Entry
from lifecycle.csvfiles import Given
from lifecycle.errors import Conflict
from lifecycle.people.imports.planning import plan
from lifecycle.people.imports.rows import New, Outcome, Plan, Row, Undone, plan_of
from lifecycle.people.imports.world import World, word_of, words_of
from lifecycle.people.imports.writing import write
from lifecycle.people.leaving import end_access
from lifecycle.people.models import PeopleImport, User
from lifecycle.people.permissions import MANAGE_PEOPLE, require
from lifecycle.people.teams import delete_cost_centre, delete_team


@transaction.atomic
def undo_import(kept: PeopleImport, *, by: Actor) -> PeopleImport:
    """Restores, deletes who was added, and locks out whom it cannot delete; each row says what became of it."""
    require(by, MANAGE_PEOPLE)
    kept = PeopleImport.objects.select_for_update(of=("self",)).get(pk=kept.pk)
    if kept.state != PeopleImport.State.APPLIED:
        raise Conflict(_("Only a list that was applied can be undone, and only once."))
    found, world = plan_of(kept), World.load(lock=True)
    untouched = [row for row in found.rows if row.writes and _is_untouched(row, world)]
    _restore([row for row in untouched if row.outcome == Outcome.CHANGED], world, by=by, list=kept.pk)
    _take_back([row for row in untouched if row.outcome == Outcome.ADDED], by=by)
    _remove_new(found, world, by=by)
    kept.rows, kept.state, kept.undone_at = found.stored(), PeopleImport.State.UNDONE, clock.now()
    kept.save(update_fields=["rows", "state", "undone_at"])
    counts: dict[str, Any] = {str(how): sum(row.undone == how for row in found.rows) for how in Undone}
    record("people.import_undone", kept, by=by, **counts)
    return kept


def _is_untouched(row: Row, world: World) -> bool:
    person = world.people.get(row.username)
    if person is None or person.pk != row.person:
        _keep(row, _("They are not here any more."))
        return False
    now = words_of(person)
    since = [f"{word_of(column)}: {now[column] or '–'}" for column, text in row.after.items() if now[column] != text]
    if since:
        _keep(row, _("Changed since: %(changes)s.") % {"changes": "; ".join(since)})
    return not since


def _restore(rows: list[Row], world: World, *, by: Actor, **detail: int) -> None:
    """The former values are a list like any other: circles, one's own supervisor and the last administrator hold."""
    given = [Given(row.number, {"username": row.username, **row.before}) for row in rows]
    back = plan(given, world, by=by, teams=(), centres=())
    for row, former in zip(rows, back.rows, strict=True):
        if former.outcome == Outcome.REFUSED:
            _keep(row, *former.problems)
        else:
            row.undone = Undone.RESTORED
    write([former for former in back.rows if former.writes], world, by=by, undo=True, **detail)


def _take_back(rows: list[Row], *, by: Actor) -> None:
    """Whoever did nothing, and to whom nothing points, goes without a trace but the record."""
    people = User.objects.in_bulk([row.person for row in rows if row.person])
    busy = _busy(set(people))
    for row in rows:
        locked = row.person in busy
        row.undone = Undone.LOCKED if locked else Undone.DELETED
        if locked:
            row.undo_problems = [_("They did something in the meantime, or something is theirs: locked out instead.")]
    gone = [person for pk, person in people.items() if pk not in busy]
    record_each("person.removed", [(person, {}) for person in gone], by=by)
    record_each("person.locked_out", [(people[pk], {}) for pk in busy], by=by)
    User.objects.filter(pk__in=busy).update(is_active=False)
    end_access(busy)
    User.objects.filter(pk__in=[person.pk for person in gone]).delete()


def _busy(pks: set[int]) -> set[int]:
    """Those of them who signed in, acted, or whom anything names; a query for each kind of thing."""
    acted = set(Entry.objects.filter(actor_id__in=pks).values_list("actor_id", flat=True))
    busy = {pk for pk in acted if pk is not None}
    busy |= set(User.objects.filter(pk__in=pks).exclude(last_login=None).values_list("pk", flat=True))
    for model, column in _pointing_here():
        busy |= set(model._default_manager.filter(**{f"{column}__in": pks}).values_list(column, flat=True))
    reports = list(User.objects.filter(supervisor__in=pks).values_list("pk", "supervisor"))
    while more := {above for pk, above in reports if above not in busy and (pk not in pks or pk in busy)}:
        busy |= {pk for pk in more if pk is not None}
    return busy


def _pointing_here() -> Iterator[tuple[type[models.Model], str]]:
    """Every table with a key to people, whichever room it belongs to; supervisors are looked at apart."""
    for relation in User._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ManyToOneRel) and relation.related_model is not User:
            model: type[models.Model] = relation.related_model
            if not model._meta.auto_created and not getattr(model, "IS_COMPUTED", False):
                yield model, relation.field.name


def _remove_new(found: Plan, world: World, *, by: Actor) -> None:
    """What was made for the list goes, unless something hangs on it by now."""
    for new in found.teams:
        if team := world.teams.get(new.name):
            _remove(new, partial(delete_team, team, by=by))
    for new in found.centres:
        if centre := world.centres.get(new.name):
            _remove(new, partial(delete_cost_centre, centre, by=by))


def _remove(new: New, delete: Callable[[], None]) -> None:
    if not new.made:
        return
    try:
        with transaction.atomic():
            delete()
        new.undone = Undone.DELETED
    except Conflict:
        new.undone = Undone.KEPT


def _keep(row: Row, *sentences: str) -> None:
    row.undone, row.undo_problems = Undone.KEPT, list(sentences)
