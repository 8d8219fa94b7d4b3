"""The dry run: what a list of holders would do. Nothing is written but the list itself and what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.csvfiles import Given
from lifecycle.errors import Conflict, DomainError, Invalid
from lifecycle.estate.models import LEASED, Machine
from lifecycle.leases.actions import check_adoption
from lifecycle.leases.permissions import ASSIGN_HOLDER
from lifecycle.people.imports import cells
from lifecycle.people.models import Team, User
from lifecycle.people.permissions import require
from lifecycle.sprawl.adoption import why_not
from lifecycle.sprawl.lists.reading import COLUMNS, is_empty, read
from lifecycle.sprawl.lists.world import Holders, Machines
from lifecycle.sprawl.models import AdoptionList, AdoptionRow

BATCH = 500
MOST_SELECTED = 10_000
LONGEST_PURPOSE = 1000
WRONG = "wrong"
"""Beside the columns of a row that cannot be read: why."""
Outcome = AdoptionRow.Outcome


@transaction.atomic
def try_list(data: bytes, *, file_name: str, by: User) -> AdoptionList:
    """Raises Invalid for the field `file` when the file as a whole cannot be read."""
    require(by, ASSIGN_HOLDER)
    sheet = read(data)
    name = "".join(sign for sign in file_name if sign.isprintable()).strip()[-200:]
    kept = AdoptionList.objects.create(
        name=name or _("without a name"), at=clock.now(), by=by, unknown=sheet.unknown[:50]
    )
    _write(kept, _understood(sheet.rows, by=by))
    return kept


@transaction.atomic
def try_selection(
    machines: Iterable[Machine], *, holder: User | None = None, team: Team | None = None, purpose: str, last_day: date,
    by: User,
) -> AdoptionList:  # fmt: skip
    """The same for machines that were selected. Raises Invalid where holder, purpose or last day fit no machine."""
    require(by, ASSIGN_HOLDER)
    check_adoption(holder=holder, team=team, purpose=purpose, last_day=last_day, by=by)
    selected = list(machines)
    if not selected:
        raise Invalid(_("Select at least one machine."), field="machines")
    if len(selected) > MOST_SELECTED:
        raise Invalid(_("At most %(n)s machines at once.") % {"n": MOST_SELECTED}, field="machines")
    name = _("%(n)s selected for %(holder)s") % {"n": len(selected), "holder": holder or team}
    kept = AdoptionList.objects.create(name=name[:200], at=clock.now(), by=by)
    given = {"holder": holder.username if holder else "", "team": team.name if team else ""}
    given |= {"purpose": purpose.strip(), "last_day": last_day.isoformat()}
    rows = []
    for number, machine in enumerate(selected, 1):
        row = AdoptionRow(
            number=number, given=given | {"machine": f"#{machine.pk}"}, machine=machine,
            person=holder, team=team, purpose=purpose.strip(), last_day=last_day,
        )  # fmt: skip
        _judge(row)
        rows.append(row)
    _write(kept, rows)
    return kept


@transaction.atomic
def look_again(kept: AdoptionList, *, by: User) -> AdoptionList:
    """The dry run once more, with the same rows and the estate as it is now."""
    require(by, ASSIGN_HOLDER)
    kept = AdoptionList.objects.select_for_update(of=("self",)).get(pk=kept.pk)
    if kept.state != AdoptionList.State.TRIED:
        raise Conflict(_("This list was applied already."))
    given = []
    for row in kept.rows.all():
        wrong = row.given.pop(WRONG, "")
        given.append(Given(row.number, row.given, wrong))
    kept.rows.all().delete()
    _write(kept, _understood(given, by=by))
    kept.at = clock.now()
    kept.save(update_fields=["at"])
    return kept


def _write(kept: AdoptionList, rows: Iterable[AdoptionRow]) -> None:
    found = list(rows)
    for row in found:
        row.list = kept
    AdoptionRow.objects.bulk_create(found, batch_size=BATCH)


def _understood(given: list[Given], *, by: User) -> Iterator[AdoptionRow]:
    machines = Machines.load(each.cells.get("machine", "") for each in given)
    holders = Holders.load()
    rows = [_row(each, machines, holders, by=by) for each in given]
    _refuse_doubles(rows)
    yield from rows


def _row(given: Given, machines: Machines, holders: Holders, *, by: User) -> AdoptionRow:
    # One sign more than any may have, so that what was too long is so when it is looked at again.
    kept = {name: given.cells[name][: LONGEST_PURPOSE + 1] for name in COLUMNS if name in given.cells}
    row = AdoptionRow(number=given.number, given=kept)
    if given.wrong:
        row.given[WRONG] = given.wrong
        return _refuse(row, given.wrong)
    if is_empty(given):
        row.outcome = Outcome.EMPTY
        return row
    try:
        row.machine = machines.called(given.cells.get("machine", ""))
        _read_terms(row, given, holders, by=by)
    except DomainError as error:
        return _refuse(row, error.message)
    _judge(row)
    return row


def _read_terms(row: AdoptionRow, given: Given, holders: Holders, *, by: User) -> None:
    owner = holders.called(given.cells.get("holder", ""), given.cells.get("team", ""))
    row.person, row.team = (owner, None) if isinstance(owner, User) else (None, owner)
    row.purpose = given.cells.get("purpose", "")
    if len(row.purpose) > LONGEST_PURPOSE:
        row.purpose = ""
        raise Invalid(_("The purpose is too long: at most %(n)s signs.") % {"n": LONGEST_PURPOSE}, field="purpose")
    day = cells.day(given.cells.get("last_day", ""))
    if not day:
        raise Invalid(_("It has no last day."), field="last_day")
    row.last_day = date.fromisoformat(day)
    check_adoption(holder=row.person, team=row.team, purpose=row.purpose, last_day=row.last_day, by=by)


def _judge(row: AdoptionRow) -> None:
    """Ready, or what stands against it on the machine's side."""
    machine = row.machine
    assert machine is not None  # noqa: S101 - asked only of rows that name one
    if problem := why_not(machine):
        row.outcome, row.problem = outcome_against(machine), problem[:500]


def outcome_against(machine: Machine) -> Outcome:
    if machine.stage in LEASED:
        return Outcome.HELD
    return Outcome.MANAGED if machine.managed_by or machine.managed_rule else Outcome.REFUSED


def _refuse(row: AdoptionRow, sentence: str) -> AdoptionRow:
    row.outcome, row.problem = Outcome.REFUSED, sentence[:500]
    return row


def _refuse_doubles(rows: list[AdoptionRow]) -> None:
    ready = [row for row in rows if row.outcome == Outcome.READY]
    named = Counter(row.machine_id for row in ready)
    for row in ready:
        if named[row.machine_id] > 1:
            _refuse(row, _("The machine stands in the file more than once."))
