"""Running costs: at any moment what the next draft will say."""

from datetime import timedelta

import pytest

from lifecycle.estate.models import Meter
from lifecycle.money import actions, queries
from lifecycle.money.models import Line
from tests.lifecycle.factories import make_machine, make_rate_card, make_span, make_tenure, make_user, utc

pytestmark = pytest.mark.django_db

BEGAN = utc("2026-02-10 08:15:30")


def make_held():
    machine = make_machine(holder=make_user())
    make_tenure(machine, started_at=BEGAN)
    for meter in Meter:
        make_span(machine, meter, started_at=BEGAN)
    return machine


@pytest.fixture
def machine():
    make_rate_card()
    return make_held()


@pytest.mark.parametrize("after", [0, 1, 86400, 40 * 86400 + 17, 100 * 86400])
def test_cost_so_far_is_what_a_draft_at_that_moment_gives(machine, after):
    now = BEGAN + timedelta(seconds=after, milliseconds=700)
    cost = queries.cost_so_far(machine, now=now)
    actions.draft(now=now)
    assert cost == sum(Line.objects.values_list("cents", flat=True))


def test_cost_so_far_is_the_present_holders(machine):
    handed = utc("2026-03-15")
    machine.tenures.update(ended_at=handed)
    make_tenure(machine, started_at=handed, holder=make_user())
    assert queries.cost_so_far(machine, now=handed + timedelta(days=1)) == 110


def test_cost_so_far_of_a_removed_machine_is_its_last_holders(machine):
    end = utc("2026-03-15")
    machine.tenures.update(ended_at=end)
    machine.spans.update(ended_at=end)
    assert queries.cost_so_far(machine, now=utc("2026-08-01")) == queries.cost_so_far(machine, now=end) > 0


def test_cost_so_far_of_an_orphan_is_nothing(machine):
    machine.tenures.all().delete()
    assert queries.cost_so_far(machine, now=utc("2026-03-15")) == 0


def test_cost_this_month_is_the_present_months_lines(machine):
    now = utc("2026-04-20 10:00:00")
    actions.draft(now=now)
    expected = sum(Line.objects.filter(month="2026-04-01").values_list("cents", flat=True))
    assert queries.cost_this_month(machine, now=now) == expected > 0


@pytest.mark.parametrize("count", [1, 3])
def test_costs_so_far_asks_three_times_for_any_number(django_assert_num_queries, count):
    make_rate_card()
    machines = [make_held() for _ in range(count)]
    with django_assert_num_queries(3):
        costs = queries.costs_so_far(machines, now=utc("2026-03-20"))
    assert len(costs) == count
    assert len(set(costs.values())) == 1
