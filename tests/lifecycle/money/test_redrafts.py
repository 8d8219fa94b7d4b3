"""Drafting again: whatever was drafted before, lines follow from history as it is now."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from lifecycle.estate.models import Meter
from lifecycle.money import actions, drafting, queries
from lifecycle.money.models import Charge, Draft, Line
from tests.lifecycle.factories import make_machine, make_user, utc
from tests.lifecycle.money.history import APRIL, MARCH, MARCH_BEGINS, MARCH_ENDS, held, metered

pytestmark = pytest.mark.django_db


def figures():
    rows = Line.objects.order_by("month", "machine_id", "meter", "tenure_id")
    return [(line.month, line.meter, line.seconds, line.unit_seconds, line.cents) for line in rows]


def everything():
    return (
        list(Line.objects.order_by("pk").values_list()),
        list(Charge.objects.order_by("pk").values_list()),
    )


def test_draft_twice_writes_nothing_the_second_time(machine):
    held(machine, utc("2026-02-10"))
    metered(machine, utc("2026-02-10"))
    first = actions.draft(now=utc("2026-04-02"))
    rows = everything()
    again = actions.draft(now=utc("2026-04-02"))
    assert (first.lines_written, first.lines_removed) == (9, 0)
    assert (again.lines_written, again.lines_removed) == (0, 0)
    assert everything() == rows


def test_draft_keeps_a_growing_lines_row(machine):
    held(machine, MARCH_BEGINS)
    metered(machine, MARCH_BEGINS)
    actions.draft(now=utc("2026-03-05"))
    before = set(Line.objects.values_list("pk", flat=True)), set(Charge.objects.values_list("pk", flat=True))
    assert actions.draft(now=utc("2026-03-06")).lines_written == 3
    assert before == (set(Line.objects.values_list("pk", flat=True)), set(Charge.objects.values_list("pk", flat=True)))


def test_a_clock_that_was_ahead_leaves_no_charge_for_the_future(machine):
    held(machine, MARCH_BEGINS)
    metered(machine, MARCH_BEGINS)
    actions.draft(now=utc("2026-06-05"))
    actions.draft(now=utc("2026-03-05"))
    assert set(Line.objects.values_list("month", flat=True)) == {MARCH}
    assert set(Charge.objects.values_list("ended_at", flat=True)) == {utc("2026-03-05")}


def test_a_machine_found_gone_long_ago_is_not_charged_since(machine):
    metered(machine, utc("2026-01-10"))
    held(machine, utc("2026-01-10"))
    for month in (2, 3, 4, 5):
        actions.draft(now=utc(f"2026-0{month}-20"))
    machine.spans.update(ended_at=utc("2026-02-03"))
    actions.draft(now=utc("2026-05-21"))
    assert max(Line.objects.values_list("month", flat=True)) == date(2026, 2, 1)
    assert max(Charge.objects.values_list("ended_at", flat=True)) == utc("2026-02-03")


def test_a_span_that_was_dropped_takes_its_charge_and_line_along(machine):
    held(machine, MARCH_BEGINS)
    [span] = metered(machine, MARCH_BEGINS, meters=[Meter.VCPU])
    actions.draft(now=utc("2026-03-20"))
    span.delete()
    assert actions.draft(now=utc("2026-03-21")).lines_removed == 1
    assert everything() == ([], [])


def test_a_charge_goes_when_its_span_is_no_longer_held(machine):
    tenure = held(machine, MARCH_BEGINS)
    metered(machine, MARCH_BEGINS, until=utc("2026-03-05"), meters=[Meter.VCPU])
    metered(machine, utc("2026-03-05"), meters=[Meter.VCPU], cause="resized")
    actions.draft(now=utc("2026-03-20"))
    tenure.ended_at = utc("2026-03-05")
    tenure.save()
    actions.draft(now=utc("2026-03-20"))
    assert Line.objects.get().charges.get().ended_at == utc("2026-03-05")
    assert queries.why(Line.objects.get()).agrees


def test_a_span_dropped_months_later_leaves_none_of_its_lines(machine):
    held(machine, utc("2026-01-10"))
    metered(machine, utc("2026-01-10"), until=utc("2026-01-15"), meters=[Meter.VCPU])
    [span] = metered(machine, utc("2026-01-20"), meters=[Meter.VCPU], cause="started")
    for month in (2, 3, 4, 5):
        actions.draft(now=utc(f"2026-0{month}-20"))
    span.delete()
    actions.draft(now=utc("2026-05-21"))
    assert figures() == [(date(2026, 1, 1), Meter.VCPU, 5 * 86400, 10 * 86400, 258)]


def test_the_end_of_a_month_is_drafted_by_the_next_months_first_draft(machine):
    held(machine, utc("2026-03-10"))
    metered(machine, utc("2026-03-10"), meters=[Meter.VCPU])
    actions.draft(now=utc("2026-03-20"))
    actions.draft(now=utc("2026-04-20"))
    assert Line.objects.get(month=MARCH).charges.get().ended_at == MARCH_ENDS


def test_a_draft_that_missed_months_makes_them_up(machine):
    held(machine, utc("2026-01-10"))
    metered(machine, utc("2026-01-10"), meters=[Meter.VCPU])
    actions.draft(now=utc("2026-01-20"))
    actions.draft(now=utc("2026-05-20"))
    assert [line.cents for line in Line.objects.filter(month__lt="2026-05-01", month__gt="2026-01-01")] == [1600] * 3


def test_months_long_settled_are_left_alone(machine):
    held(machine, utc("2026-01-10"))
    metered(machine, utc("2026-01-10"), meters=[Meter.VCPU])
    actions.draft(now=utc("2026-05-20"))
    assert drafting.months_to_draft(utc("2026-05-21")) == (APRIL, {})
    gone = make_machine(holder=machine.holder)
    held(gone, utc("2026-01-10"), until=utc("2026-02-10"))
    assert drafting.machines_to_draft(APRIL, {}) == [machine.pk]


def test_a_slower_draft_that_overlaps_with_a_newer_one_leaves_nothing_short(machine, monkeypatch):
    held(machine, utc("2026-03-10"))
    metered(machine, utc("2026-03-10"), meters=[Meter.VCPU])
    overtaken = drafting.machines_to_draft

    def overtake(*arguments):
        monkeypatch.setattr(drafting, "machines_to_draft", overtaken)
        actions.draft(now=MARCH_ENDS + timedelta(seconds=1))
        return overtaken(*arguments)

    monkeypatch.setattr(drafting, "machines_to_draft", overtake)
    actions.draft(now=MARCH_ENDS - timedelta(seconds=1))
    actions.draft(now=utc("2026-04-20"))
    assert Line.objects.get(month=MARCH).charges.get().ended_at == MARCH_ENDS


def test_a_broken_row_holds_up_no_other_machine_and_the_draft_begins_there_again(machine, monkeypatch):
    other = make_machine(holder=machine.holder)
    for one in (machine, other):
        held(one, MARCH_BEGINS)
        metered(one, MARCH_BEGINS, meters=[Meter.VCPU])
    span = machine.spans.get()
    span.quantity = 2**62
    span.save()
    with pytest.raises(ExceptionGroup) as caught:
        actions.draft(now=utc("2026-03-20"))
    assert caught.value.exceptions[0].__notes__ == [f"While drafting machine {machine.pk}."]
    assert [line.machine for line in Line.objects.all()] == [other]
    assert Draft.objects.get().drafted_to is None
    span.quantity = 2
    span.save()
    actions.draft(now=utc("2026-03-20"))
    assert Line.objects.count() == 2


def test_draft_in_small_chunks_gives_the_same_lines(card, monkeypatch):
    for _ in range(5):
        machine = make_machine(holder=make_user())
        held(machine, MARCH_BEGINS)
        metered(machine, MARCH_BEGINS)
    actions.draft(now=utc("2026-03-20"))
    expected = figures()
    Line.objects.all().delete()
    Draft.objects.all().delete()
    monkeypatch.setattr(drafting, "CHUNK", 2)
    assert actions.draft(now=utc("2026-03-20")).machines == 5
    assert figures() == expected
