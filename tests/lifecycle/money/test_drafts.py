"""Drafting: the open months' lines follow from history, however often and whenever one asks."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from lifecycle.estate.models import Meter
from lifecycle.money import actions, drafting, queries, quotes
from lifecycle.money.models import Charge, Draft, Line
from tests.lifecycle.factories import make_machine, make_rate_card, make_span, make_tenure, make_user, utc

pytestmark = pytest.mark.django_db

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
MARCH_BEGINS, MARCH_ENDS = utc("2026-02-28 23:00"), utc("2026-03-31 22:00")


@pytest.fixture
def card():
    return make_rate_card()


@pytest.fixture
def machine(card):
    return make_machine(holder=make_user("holder"))


def held(machine, since, *, until=None, **fields):
    return make_tenure(machine, started_at=since, ended_at=until, **fields)


def metered(machine, since, *, until=None, meters=tuple(Meter), **fields):
    return [make_span(machine, meter, started_at=since, ended_at=until, **fields) for meter in meters]


def figures():
    rows = Line.objects.order_by("month", "machine_id", "meter", "tenure_id")
    return [(line.month, line.meter, line.seconds, line.unit_seconds, line.cents) for line in rows]


def everything():
    return (
        list(Line.objects.order_by("pk").values_list()),
        list(Charge.objects.order_by("pk").values_list()),
    )


def test_draft_of_a_full_month_costs_exactly_the_price(machine):
    held(machine, utc("2026-02-10"))
    metered(machine, utc("2026-02-10"))
    actions.draft(now=utc("2026-04-02"))
    assert {line.meter: line.cents for line in Line.objects.filter(month=MARCH)} == {
        Meter.VCPU: 1600,
        Meter.MEMORY: 1600,
        Meter.DISK: 200,
    }
    assert set(Line.objects.filter(month=MARCH).values_list("seconds", flat=True)) == {743 * 3600}


def test_an_always_on_machine_costs_exactly_its_quote(machine):
    start, end = utc("2026-02-10 09:13:07"), utc("2026-05-03 16:00:01")
    offer = quotes.quote(vcpus=2, memory_mib=4096, disk_mib=20480, starts_at=start, ends_at=end)
    held(machine, start, until=end)
    metered(machine, start, until=end)
    actions.draft(now=utc("2026-06-01"))
    assert sum(Line.objects.values_list("cents", flat=True)) == offer.cents_until_end
    for line in offer.lines:
        assert sum(Line.objects.filter(meter=line.meter).values_list("cents", flat=True)) == line.cents_until_end


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


def test_draft_never_charges_the_future(machine):
    now = utc("2026-03-05 10:00:00")
    held(machine, MARCH_BEGINS, until=MARCH_ENDS)
    metered(machine, MARCH_BEGINS, until=MARCH_ENDS)
    make_span(make_machine(holder=machine.holder), started_at=now + timedelta(seconds=1))
    actions.draft(now=now + timedelta(milliseconds=999))
    assert {charge.ended_at for charge in Charge.objects.all()} == {now}
    assert {line.seconds for line in Line.objects.all()} == {(now - MARCH_BEGINS).total_seconds()}


def test_a_clock_that_was_ahead_leaves_no_charge_for_the_future(machine):
    held(machine, MARCH_BEGINS)
    metered(machine, MARCH_BEGINS)
    actions.draft(now=utc("2026-06-05"))
    actions.draft(now=utc("2026-03-05"))
    assert set(Line.objects.values_list("month", flat=True)) == {MARCH}
    assert set(Charge.objects.values_list("ended_at", flat=True)) == {utc("2026-03-05")}


def test_nobody_pays_for_an_orphans_time(machine):
    metered(machine, utc("2026-01-01"))
    actions.draft(now=utc("2026-03-05"))
    assert not Line.objects.exists()
    held(machine, utc("2026-03-04"))
    actions.draft(now=utc("2026-03-05"))
    assert {seconds for *_key, seconds, _units, _cents in figures()} == {86400}


def test_a_removed_machine_is_charged_to_its_last_second_and_no_more(machine):
    end = utc("2026-03-10 12:00:00")
    held(machine, MARCH_BEGINS, until=end)
    metered(machine, MARCH_BEGINS, until=end)
    actions.draft(now=utc("2026-03-20"))
    rows = everything()
    actions.draft(now=utc("2026-05-20"))
    assert everything() == rows
    assert {charge.ended_at for charge in Charge.objects.all()} == {end}


def test_a_machine_that_is_off_pays_for_its_disk_only(machine):
    held(machine, MARCH_BEGINS)
    metered(machine, MARCH_BEGINS, meters=[Meter.DISK])
    actions.draft(now=utc("2026-03-20"))
    assert [line.meter for line in Line.objects.all()] == [Meter.DISK]


def test_a_resize_in_mid_month_charges_each_size_for_its_time(machine):
    resized = utc("2026-03-10 12:00:00")
    held(machine, MARCH_BEGINS)
    metered(machine, MARCH_BEGINS, until=resized, meters=[Meter.VCPU], quantity=2)
    metered(machine, resized, meters=[Meter.VCPU], quantity=8, cause="resized")
    actions.draft(now=MARCH_ENDS)
    small, large = (resized - MARCH_BEGINS).total_seconds(), (MARCH_ENDS - resized).total_seconds()
    line = Line.objects.get()
    assert line.charges.count() == 2
    assert (line.seconds, line.unit_seconds) == (743 * 3600, 2 * small + 8 * large)


def test_a_handover_in_mid_month_gives_each_holder_a_line(machine):
    handed = utc("2026-03-10 12:00:00")
    metered(machine, MARCH_BEGINS, meters=[Meter.VCPU])
    first = held(machine, MARCH_BEGINS, until=handed)
    second = held(machine, handed, holder=make_user("second"))
    actions.draft(now=MARCH_ENDS)
    seconds = {line.tenure: line.seconds for line in Line.objects.all()}
    assert seconds == {
        first: (handed - MARCH_BEGINS).total_seconds(),
        second: (MARCH_ENDS - handed).total_seconds(),
    }


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


def test_adjoining_spans_within_a_second_leave_no_gap_and_no_overlap(machine):
    cut = utc("2026-03-10 12:00:00").replace(microsecond=600_000)
    held(machine, MARCH_BEGINS)
    metered(machine, MARCH_BEGINS, until=cut, meters=[Meter.VCPU])
    metered(machine, cut, until=cut.replace(microsecond=900_000), meters=[Meter.VCPU])
    metered(machine, cut.replace(microsecond=900_000), meters=[Meter.VCPU])
    actions.draft(now=MARCH_ENDS)
    assert Line.objects.get().seconds == 743 * 3600
    assert Charge.objects.count() == 2


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


def test_draft_without_a_rate_card_says_what_it_could_not_price():
    machine = make_machine(holder=make_user())
    held(machine, MARCH_BEGINS)
    metered(machine, MARCH_BEGINS, meters=[Meter.VCPU])
    assert actions.draft(now=MARCH_BEGINS + timedelta(hours=1)).unpriced_seconds == 3600
    make_rate_card(valid_from=date(2026, 1, 1))
    assert actions.draft(now=MARCH_BEGINS + timedelta(hours=2)).lines_written == 1


@pytest.mark.parametrize("count", [1, 3])
def test_draft_asks_the_same_for_one_machine_and_for_three(card, django_assert_num_queries, count):
    for _ in range(count):
        machine = make_machine(holder=make_user())
        held(machine, MARCH_BEGINS)
        metered(machine, MARCH_BEGINS)
    actions.draft(now=utc("2026-03-20"))
    with django_assert_num_queries(17):
        assert actions.draft(now=utc("2026-03-21")).lines_written == 3 * count


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


def test_no_charge_overlaps_after_a_month_of_changes(machine):
    held(machine, MARCH_BEGINS)
    for day in range(1, 30):
        metered(machine, utc(f"2026-03-{day:02}"), until=utc(f"2026-03-{day + 1:02}"), quantity=day)
    actions.draft(now=MARCH_ENDS)
    assert queries.overcharged_seconds() == []
