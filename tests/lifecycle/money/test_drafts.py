"""Drafting: what is charged, and what is not."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from lifecycle.estate.models import Meter
from lifecycle.money import actions, queries, quotes
from lifecycle.money.models import Charge, Line
from tests.lifecycle.factories import make_machine, make_rate_card, make_span, make_user, utc
from tests.lifecycle.money.history import MARCH, MARCH_BEGINS, MARCH_ENDS, held, metered

pytestmark = pytest.mark.django_db


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


def test_draft_never_charges_the_future(machine):
    now = utc("2026-03-05 10:00:00")
    held(machine, MARCH_BEGINS, until=MARCH_ENDS)
    metered(machine, MARCH_BEGINS, until=MARCH_ENDS)
    make_span(make_machine(holder=machine.holder), started_at=now + timedelta(seconds=1))
    actions.draft(now=now + timedelta(milliseconds=999))
    assert {charge.ended_at for charge in Charge.objects.all()} == {now}
    assert {line.seconds for line in Line.objects.all()} == {(now - MARCH_BEGINS).total_seconds()}


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


def test_adjoining_spans_within_a_second_leave_no_gap_and_no_overlap(machine):
    cut = utc("2026-03-10 12:00:00").replace(microsecond=600_000)
    held(machine, MARCH_BEGINS)
    metered(machine, MARCH_BEGINS, until=cut, meters=[Meter.VCPU])
    metered(machine, cut, until=cut.replace(microsecond=900_000), meters=[Meter.VCPU])
    metered(machine, cut.replace(microsecond=900_000), meters=[Meter.VCPU])
    actions.draft(now=MARCH_ENDS)
    assert Line.objects.get().seconds == 743 * 3600
    assert Charge.objects.count() == 2


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


def test_no_charge_overlaps_after_a_month_of_changes(machine):
    held(machine, MARCH_BEGINS)
    for day in range(1, 30):
        metered(machine, utc(f"2026-03-{day:02}"), until=utc(f"2026-03-{day + 1:02}"), quantity=day)
    actions.draft(now=MARCH_ENDS)
    assert queries.overcharged_seconds() == []
