"""Publishing prices."""

from datetime import date

import pytest

from lifecycle.audit.actions import HOUSE
from lifecycle.audit.models import Entry
from lifecycle.errors import Conflict, Forbidden, Invalid, InvalidMany
from lifecycle.estate.models import Meter
from lifecycle.money import actions
from lifecycle.money.models import Line, RateCard
from lifecycle.money.rates import card_at
from tests.lifecycle.factories import (
    PRICES,
    make_admin,
    make_machine,
    make_rate_card,
    make_span,
    make_tenure,
    make_user,
    utc,
)

pytestmark = pytest.mark.django_db

APRIL = date(2026, 4, 1)
DOUBLE = {meter: (2 * micros, per) for meter, (micros, per) in PRICES.items()}


@pytest.fixture
def admin():
    return make_admin("ada")


def test_publish_writes_card_rates_and_record(admin):
    card = actions.publish_rate_card("2026", APRIL, PRICES, by=admin)
    assert {rate.meter: (rate.micros, rate.per) for rate in card.rates.all()} == PRICES
    entry = Entry.objects.get()
    assert (entry.verb, entry.actor_id, entry.object_name) == ("published_rate_card", admin.pk, "2026")
    assert entry.detail == {
        "valid_from": "2026-04-01",
        "prices": {"vcpu": [8_000_000, 1], "memory_mib": [4_000_000, 1024], "disk_mib": [100_000, 1024]},
    }


def test_the_house_may_publish():
    actions.publish_rate_card("2026", APRIL, PRICES, by=HOUSE)
    assert Entry.objects.get().actor_name == "Leasehold"


def test_an_employee_may_not_publish():
    with pytest.raises(Forbidden):
        actions.publish_rate_card("2026", APRIL, PRICES, by=make_user())
    assert not RateCard.objects.exists()


def test_publish_names_every_wrong_value(admin):
    with pytest.raises(InvalidMany) as caught:
        actions.publish_rate_card(" ", date(2026, 4, 2), {Meter.VCPU: (-1, 1), Meter.MEMORY: (1, 0)}, by=admin)
    assert list(caught.value.problems) == ["name", "valid_from", "vcpu", "memory_mib", "disk_mib"]
    assert not RateCard.objects.exists()


def test_publish_refuses_a_name_or_month_that_is_taken(admin):
    actions.publish_rate_card("2026", APRIL, PRICES, by=admin)
    with pytest.raises(Conflict) as caught:
        actions.publish_rate_card("2026", date(2026, 5, 1), PRICES, by=admin)
    assert caught.value.field == "name"
    with pytest.raises(Conflict) as caught:
        actions.publish_rate_card("other", APRIL, PRICES, by=admin)
    assert caught.value.field == "valid_from"


def test_what_is_charged_is_never_priced_anew(admin):
    make_rate_card("old")
    machine = make_machine(holder=make_user())
    make_tenure(machine, started_at=utc("2026-03-10"))
    make_span(machine, started_at=utc("2026-03-10"))
    actions.draft(now=utc("2026-03-20"))
    with pytest.raises(Invalid) as caught:
        actions.publish_rate_card("new", date(2026, 3, 1), DOUBLE, by=admin)
    assert caught.value.field == "valid_from"
    actions.publish_rate_card("new", APRIL, DOUBLE, by=admin)
    actions.draft(now=utc("2026-05-10"))
    assert [(line.rate.card.name, line.cents) for line in Line.objects.filter(month__lt="2026-05-01")] == [
        ("new", 3200),
        ("old", 1133),
    ]


def test_a_card_may_fill_months_that_nobody_was_charged_for(admin):
    make_rate_card("old", APRIL)
    machine = make_machine(holder=make_user())
    make_tenure(machine, started_at=utc("2026-04-10"))
    make_span(machine, started_at=utc("2026-04-10"))
    actions.draft(now=utc("2026-04-20"))
    actions.publish_rate_card("older", date(2026, 3, 1), DOUBLE, by=admin)
    actions.draft(now=utc("2026-04-20"))
    assert Line.objects.get().rate.card.name == "old"


def test_a_first_card_for_past_months_prices_what_was_held_then(admin):
    machine = make_machine(holder=make_user())
    make_tenure(machine, started_at=utc("2026-01-10"))
    make_span(machine, started_at=utc("2026-01-10"))
    actions.draft(now=utc("2026-05-20"))
    assert not Line.objects.exists()
    actions.publish_rate_card("first", date(2026, 1, 1), PRICES, by=admin)
    actions.draft(now=utc("2026-05-20"))
    assert Line.objects.count() == 5


def test_card_at_is_the_latest_that_has_begun():
    old, new = make_rate_card("old", date(2026, 1, 1)), make_rate_card("new", APRIL)
    assert [card_at(date(*day)) for day in [(2025, 12, 1), (2026, 1, 1), (2026, 3, 31), (2026, 4, 1)]] == [
        None,
        old,
        old,
        new,
    ]
