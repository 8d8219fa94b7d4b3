"""Who sees which lines, and that everything shown adds up to them."""

from datetime import date

import pytest

from lifecycle.errors import Forbidden
from lifecycle.estate.models import Meter
from lifecycle.money import actions, queries
from lifecycle.money.models import Line
from tests.lifecycle.factories import (
    make_admin,
    make_cost_centre,
    make_machine,
    make_rate_card,
    make_span,
    make_team,
    make_tenure,
    make_user,
    utc,
)

pytestmark = pytest.mark.django_db

MARCH = date(2026, 3, 1)
NOW = utc("2026-04-20 10:00:00")


def make_held(name="", since="2026-03-10 07:00", **fields):
    machine = make_machine(name, **fields)
    make_tenure(machine, started_at=utc(since))
    for meter in Meter:
        make_span(machine, meter, started_at=utc(since))
    return machine


@pytest.fixture
def cast():
    make_rate_card()
    payer = make_user("payer")
    centre = make_cost_centre("CC100", owner=payer)
    team = make_team("Web", cost_centre=centre)
    people = {
        "owner": make_user("owner", team=team),
        "teammate": make_user("teammate", team=team),
        "stranger": make_user("stranger"),
        "payer": payer,
        "admin": make_admin("admin"),
    }
    make_held("own", holder=people["owner"], cost_centre=centre)
    make_held("shared", team=team, cost_centre=centre)
    make_held("elsewhere", holder=people["stranger"], cost_centre=make_cost_centre("CC200"))
    actions.draft(now=NOW)
    return people | {"centre": centre}


@pytest.mark.parametrize(
    ("who", "names"),
    [
        ("owner", {"own", "shared"}),
        ("teammate", {"shared"}),
        ("stranger", {"elsewhere"}),
        ("payer", {"own", "shared"}),
        ("admin", {"own", "shared", "elsewhere"}),
    ],
)
def test_lines_show_to_holders_payers_and_admins(cast, who, names):
    lines = queries.lines_visible_to(cast[who])
    assert {line.machine.name for line in lines} == names
    assert lines.count() == len(names) * 6


def test_a_line_that_does_not_show_does_not_exist(cast):
    line = queries.lines_visible_to(cast["stranger"])[0]
    assert queries.line_visible_to(cast["stranger"], line.pk) == line
    with pytest.raises(Line.DoesNotExist):
        queries.line_visible_to(cast["owner"], line.pk)


def test_statement_groups_by_machine_and_adds_up(cast):
    statement = queries.statement(cast["owner"], MARCH, viewer=cast["owner"])
    assert [group.machine.name for group in statement.machines] == ["own", "shared"]
    assert [group.cents for group in statement.machines] == [
        sum(line.cents for line in group.lines) for group in statement.machines
    ]
    lines = queries.lines_visible_to(cast["owner"]).filter(month=MARCH)
    assert statement.cents == sum(group.cents for group in statement.machines) == sum(line.cents for line in lines) > 0
    assert statement.drafted_to == NOW


def test_statement_of_a_cost_centre_is_its_owners_to_see(cast):
    statement = queries.statement(cast["centre"], MARCH, viewer=cast["payer"])
    assert [group.machine.name for group in statement.machines] == ["own", "shared"]
    assert queries.statement(cast["centre"], MARCH, viewer=cast["admin"]) == statement


@pytest.mark.parametrize(("payer", "viewer"), [("centre", "owner"), ("owner", "teammate"), ("owner", "stranger")])
def test_statement_is_refused_rather_than_shown_in_part(cast, payer, viewer):
    with pytest.raises(Forbidden):
        queries.statement(cast[payer], MARCH, viewer=cast[viewer])


def test_statement_of_a_machine_that_changed_hands_shows_each_only_their_time(cast):
    machine = queries.lines_visible_to(cast["stranger"])[0].machine
    machine.tenures.update(ended_at=utc("2026-03-20"))
    make_tenure(machine, started_at=utc("2026-03-20"), holder=cast["teammate"])
    actions.draft(now=NOW)
    before = queries.statement(cast["stranger"], MARCH, viewer=cast["stranger"])
    after = queries.statement(cast["teammate"], MARCH, viewer=cast["teammate"])
    assert {line.seconds for line in before.machines[0].lines} == {9 * 86400 + 17 * 3600}
    assert {line.seconds for line in after.machines[0].lines} == {11 * 86400 + 22 * 3600}


def test_months_of_lists_each_month_with_its_sum(cast):
    lines = queries.lines_visible_to(cast["owner"])
    months = queries.months_of(lines)
    assert [month for month, _cents in months] == [date(2026, 4, 1), MARCH]
    assert sum(cents for _month, cents in months) == sum(line.cents for line in lines)


def test_daily_cents_add_up_to_the_lines(cast):
    lines = queries.lines_visible_to(cast["admin"])
    days = queries.daily_cents(lines, MARCH)
    assert sum(cents for _day, cents in days) == sum(line.cents for line in lines.filter(month=MARCH))
    assert len(days) == 31
    assert {cents for day, cents in days if day.day < 10} == {0}
    assert min(cents for _day, cents in days) >= 0
    # The day that has 23 hours costs less than its neighbours.
    by_day = dict(days)
    assert by_day[date(2026, 3, 29)] < by_day[date(2026, 3, 28)]


def test_daily_cents_of_the_open_month_end_with_the_last_draft(cast):
    days = dict(queries.daily_cents(queries.lines_visible_to(cast["owner"]), date(2026, 4, 1)))
    assert days[date(2026, 4, 20)] > 0
    assert days[date(2026, 4, 21)] == 0


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_rows(django_assert_num_queries, count):
    make_rate_card()
    holder = make_user()
    for _ in range(count):
        make_held(holder=holder, cost_centre=make_cost_centre())
    actions.draft(now=NOW)
    with django_assert_num_queries(2):
        statement = queries.statement(holder, MARCH, viewer=holder)
        named = [
            (str(line.machine), str(line.tenure.holder), str(line.tenure.cost_centre), str(line.rate.card))
            for group in statement.machines
            for line in group.lines
        ]
    assert len(named) == 3 * count
    lines = queries.lines_visible_to(holder)
    with django_assert_num_queries(1):
        queries.daily_cents(lines, MARCH)
    with django_assert_num_queries(1):
        queries.months_of(lines)
