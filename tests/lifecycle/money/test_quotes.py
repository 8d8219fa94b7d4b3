"""Quotes: what is promised before there is a machine."""

from datetime import date

import pytest

from lifecycle.errors import Invalid
from lifecycle.estate.models import Meter
from lifecycle.money import quotes
from tests.lifecycle.factories import PRICES, make_machine, make_rate_card, make_user, utc

pytestmark = pytest.mark.django_db

FEBRUARY = date(2026, 2, 1)


def test_quote_of_a_full_month_costs_exactly_the_monthly_price():
    make_rate_card("2026")
    # March in Berlin has the 23-hour day: 743 hours, still the whole price.
    offer = quotes.quote(
        vcpus=2,
        memory_mib=4096,
        disk_mib=20480,
        starts_at=utc("2026-02-28 23:00"),
        ends_at=utc("2026-03-31 22:00"),
    )
    assert offer.card == "2026"
    assert [(line.meter, line.quantity, line.cents_per_month, line.cents_until_end) for line in offer.lines] == [
        (Meter.VCPU, 2, 1600, 1600),
        (Meter.MEMORY, 4096, 1600, 1600),
        (Meter.DISK, 20480, 200, 200),
    ]
    assert (offer.cents_per_month, offer.cents_until_end) == (3400, 3400)


def test_quote_rounds_once_per_meter_and_month():
    # A third of a cent a month: each month's line rounds to nothing, so the quote promises nothing.
    make_rate_card(prices={**PRICES, Meter.VCPU: (10_000, 3)})
    offer = quotes.quote(
        vcpus=1, memory_mib=0, disk_mib=0, starts_at=utc("2026-01-31 23:00"), ends_at=utc("2026-04-30 22:00")
    )
    assert offer.cents_until_end == 0


def test_quote_follows_a_later_card_that_is_already_published():
    make_rate_card("old", date(2026, 1, 1))
    make_rate_card("new", date(2026, 3, 1), {meter: (2 * micros, per) for meter, (micros, per) in PRICES.items()})
    offer = quotes.quote(
        vcpus=1, memory_mib=0, disk_mib=0, starts_at=utc("2026-01-31 23:00"), ends_at=utc("2026-03-31 22:00")
    )
    assert offer.card == "old"
    assert offer.cents_per_month == 800
    assert offer.cents_until_end == 800 + 1600


def test_quote_without_a_rate_card_is_refused():
    with pytest.raises(Invalid, match="No price is set for vCPU, Memory, Disk in 2026-02"):
        quotes.monthly_cents(vcpus=1, memory_mib=1, disk_mib=1, month=FEBRUARY)


def test_quote_without_a_meters_price_is_refused_not_free():
    make_rate_card(prices={Meter.VCPU: (1, 1), Meter.MEMORY: (1, 1)})
    with pytest.raises(Invalid, match="No price is set for Disk"):
        quotes.monthly_cents(vcpus=1, memory_mib=1, disk_mib=1, month=FEBRUARY)


def test_quote_keeps_a_price_of_zero_apart_from_no_price():
    make_rate_card(prices=dict.fromkeys(Meter, (0, 1)))
    assert quotes.monthly_cents(vcpus=1, memory_mib=1, disk_mib=1, month=FEBRUARY) == 0


def test_quote_refuses_an_end_before_the_start():
    make_rate_card()
    with pytest.raises(Invalid) as caught:
        quotes.quote(vcpus=1, memory_mib=1, disk_mib=1, starts_at=utc("2026-02-02"), ends_at=utc("2026-02-01"))
    assert caught.value.field == "ends_at"


@pytest.mark.parametrize("count", [1, 3])
def test_monthly_cents_of_asks_once(django_assert_num_queries, count):
    make_rate_card()
    machines = [make_machine() for _ in range(count)]
    with django_assert_num_queries(1):
        assert quotes.monthly_cents_of(machines) == {machine.pk: 3400 for machine in machines}


def test_monthly_cents_of_is_empty_without_a_card():
    assert quotes.monthly_cents_of([make_machine()]) == {}


@pytest.mark.django_db
def test_price_of_a_stopped_machine_that_is_kept_is_its_disks() -> None:
    make_rate_card()
    machine = make_machine(holder=make_user())
    running = quotes.monthly_cents_of([machine])[machine.pk]
    machine.stage = "quarantined"

    assert 0 < quotes.monthly_cents_of([machine])[machine.pk] < running
