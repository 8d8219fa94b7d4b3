"""The record: rows are only ever added, whoever asks the database; and what of it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection, transaction

from lifecycle.audit.actions import HOUSE, record
from lifecycle.audit.models import Entry
from lifecycle.audit.queries import Wanted, entries, in_chunks
from tests.lifecycle.factories import make_user, utc

BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def entry(verb: str = "machine.missing", **fields: object) -> Entry:
    usual = {"at": AT, "actor_name": "Ingrid", "object_type": "machine", "object_id": 7, "object_name": "web-1"}
    return Entry.objects.create(**usual | {"verb": verb} | fields)


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


CHANGES: dict[str, Callable[[], object]] = {
    "update": lambda: Entry.objects.update(actor_name="Nobody"),
    "update of one": lambda: Entry.objects.filter(pk=Entry.objects.get().pk).update(reason="better"),
    "delete": lambda: Entry.objects.all().delete(),
    "raw delete": lambda: Entry.objects.all()._raw_delete("default"),
    "bulk update": lambda: Entry.objects.bulk_update([Entry.objects.get()], ["reason"]),
    "SQL update": lambda: run("UPDATE lifecycle_entry SET verb = 'x'"),
    "SQL delete": lambda: run("DELETE FROM lifecycle_entry"),
    "upsert": lambda: Entry.objects.bulk_create(
        [Entry.objects.get()], update_conflicts=True, unique_fields=["id"], update_fields=["verb"]
    ),
}


@pytest.mark.django_db
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_database_refuses_to_change_or_remove_a_row(change: Callable[[], object]) -> None:
    made = entry()

    with pytest.raises(IntegrityError, match="neither changed nor removed"), transaction.atomic():
        change()

    assert Entry.objects.values_list("verb", "actor_name", "reason").get() == (made.verb, "Ingrid", "")


@pytest.mark.django_db
def test_a_table_is_not_emptied_at_one_stroke() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    entry()

    with pytest.raises(IntegrityError, match="neither changed nor removed"), transaction.atomic():
        run("TRUNCATE lifecycle_entry")

    assert Entry.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("again", [1, 2])
def test_the_suite_s_own_emptying_leaves_the_triggers(again: int) -> None:
    entry()

    with pytest.raises(IntegrityError):
        Entry.objects.update(verb="x")


@pytest.mark.django_db
def test_what_acts_belong_to_is_known_to_the_database() -> None:
    for verb in ("lease.extended", "published_rate_card"):
        entry(verb)

    assert list(Entry.objects.order_by("pk").values_list("area", flat=True)) == ["lease", "published_rate_card"]


@pytest.mark.django_db(transaction=True)
def test_nothing_is_recorded_outside_a_transaction() -> None:
    with pytest.raises(RuntimeError, match="outside the transaction"):
        record("machine.missing", make_user(), by=HOUSE)


WANTED: dict[str, tuple[Wanted, set[str]]] = {
    "nothing in particular": (Wanted(), {"a.one", "a.two", "b.one"}),
    "people": (Wanted(actors=[5]), {"a.one"}),
    "nobody": (Wanted(actors=[]), set()),
    "the house": (Wanted(actors=[], house=True), {"b.one"}),
    "the house and people": (Wanted(actors=[5], house=True), {"a.one", "b.one"}),
    "an act": (Wanted(verb="a.two"), {"a.two"}),
    "a group of acts": (Wanted(verb="a"), {"a.one", "a.two"}),
    "a kind": (Wanted(about="size"), {"b.one"}),
    "an object": (Wanted(about="machine", object_id=8), {"a.two"}),
    "a name's beginning": (Wanted(name="WEB"), {"a.one", "a.two"}),
    "a name with signs": (Wanted(name="50%_"), {"b.one"}),
    "a name's middle": (Wanted(name="eb-1"), set()),
    "since": (Wanted(since=date(2026, 3, 2)), {"a.two", "b.one"}),
    "until": (Wanted(until=date(2026, 3, 2)), {"a.one", "a.two"}),
    "one day": (Wanted(since=date(2026, 3, 2), until=date(2026, 3, 2)), {"a.two"}),
    "the whole calendar": (Wanted(since=date.min, until=date.max), {"a.one", "a.two", "b.one"}),
    "before the calendar": (Wanted(until=date.min), set()),
    "after the calendar": (Wanted(since=date.max), set()),
}


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Europe/Berlin", "Pacific/Pago_Pago"])
@pytest.mark.parametrize(("wanted", "found"), WANTED.values(), ids=WANTED)
def test_each_part_of_what_is_wanted_narrows(wanted: Wanted, found: set[str], zone: str) -> None:
    there = ZoneInfo(zone)
    noon = [datetime(2026, 3, day, 12, tzinfo=there) for day in (1, 2, 3)]
    entry("a.one", actor_id=5, at=noon[0])
    entry("a.two", actor_id=6, at=noon[1], object_id=8, object_name="web-2")
    entry("b.one", at=noon[2], object_type="size", object_name="50%_off")

    assert set(entries(wanted, zone=there).values_list("verb", flat=True)) == found


@pytest.mark.django_db
def test_a_day_begins_at_the_reader_s_midnight() -> None:
    entry("evening.before", at=utc("2026-03-01 22:59"))
    entry("midnight.exactly", at=utc("2026-03-01 23:00"))

    assert entries(Wanted(since=date(2026, 3, 2)), zone=BERLIN).get().verb == "midnight.exactly"


@pytest.mark.django_db
@pytest.mark.parametrize("count", [0, 3, 4, 7])
def test_chunks_hold_everything_once_also_what_happened_at_one_instant(count: int) -> None:
    for number in range(count):
        entry(at=AT + timedelta(seconds=number // 3))

    told = [each.pk for chunk in in_chunks(Entry.objects.all(), size=2) for each in chunk]

    assert told == list(Entry.objects.order_by("-at", "-id").values_list("pk", flat=True))


@pytest.mark.django_db
def test_chunks_end_with_what_was_there_when_they_began() -> None:
    for _number in range(3):
        entry()
    chunks = in_chunks(Entry.objects.all(), size=2)
    first = next(chunks)
    entry("late.one", at=AT - timedelta(days=1))

    assert "late.one" not in {each.verb for chunk in [first, *chunks] for each in chunk}


WALKS: dict[str, Wanted] = {
    "audit_by_time": Wanted(since=date(2026, 3, 1)),
    "audit_by_person": Wanted(actors=[5], until=date(2026, 3, 1)),
    "audit_by_kind": Wanted(about="size"),
    "audit_by_object": Wanted(about="size", object_id=5),
    "audit_by_area": Wanted(verb="lease"),
    "audit_by_verb": Wanted(verb="lease.extended"),
    "audit_by_name": Wanted(name="web"),
}


@pytest.mark.django_db
@pytest.mark.parametrize(("index", "wanted"), WALKS.items())
def test_each_filter_walks_its_index(index: str, wanted: Wanted) -> None:
    if connection.vendor == "postgresql":
        pytest.skip("its plan depends on how much there is")

    plan = entries(wanted, zone=BERLIN)[:51].explain()

    assert index in plan
    if index != "audit_by_name":  # few names begin alike: they are sorted
        assert "TEMP B-TREE" not in plan
