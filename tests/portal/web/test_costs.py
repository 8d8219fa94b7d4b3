"""Costs and statements: whose lines show, that every line opens, and that sums are those of the lines."""

from datetime import timedelta

import pytest

from lifecycle import clock
from lifecycle.estate.models import Span
from lifecycle.money import calendar
from lifecycle.money.actions import draft
from lifecycle.money.models import Line
from portal.templatetags.figures import money
from portal.web import moneywords
from tests.lifecycle.factories import make_cost_centre, make_machine, make_span, make_tenure


@pytest.fixture
def month(world):
    """Last month: whole, and the same whenever the test runs."""
    return calendar.previous_month(calendar.month_of(clock.now()))


@pytest.fixture
def machine(world):
    return _charged(world, "churn-scoring")


def _charged(world, name, **fields):
    fields = {"holder": world.owner, "cost_centre": world.owner.cost_centre, "endpoint": world.endpoint} | fields
    machine = make_machine(name, **fields)
    began = clock.now() - timedelta(days=80)
    make_tenure(machine, started_at=began)
    make_span(machine, started_at=began)
    draft()
    return machine


def _line(machine, month):
    return Line.objects.get(machine=machine, month=month)


def _costs(client, month):
    return client.get("/costs/", {"month": f"{month:%Y-%m}"})


def test_my_month_shows_its_lines_and_their_sum(client, world, machine, month):
    client.force_login(world.owner)

    page = _costs(client, month).content.decode()

    assert "churn-scoring" in page
    assert page.count(money(_line(machine, month).cents)) >= 3  # line, machine, total
    assert "€8.00 per vCPU and month" in page


def test_a_strangers_month_is_empty(client, world, machine, month):
    client.force_login(world.stranger)

    page = _costs(client, month)

    assert page.status_code == 200
    assert b"churn-scoring" not in page.content
    assert b"Nothing was charged" in page.content


def test_a_month_that_is_none_shows_the_present_one(client, world, machine):
    client.force_login(world.owner)

    for wrong in ("2026-13", "x", "-1-1", "99999-1"):
        assert client.get("/costs/", {"month": wrong}).context["month"] == calendar.month_of(clock.now())


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_asks_the_same_number_of_questions(client, world, month, count, django_assert_num_queries):
    for number in range(count):
        _charged(world, f"machine-{number}")
    client.force_login(world.owner)

    with django_assert_num_queries(15):
        assert len(_costs(client, month).context["groups"]) == count


def test_a_line_opens_to_its_spans(client, world, machine, month):
    client.force_login(world.owner)
    line = _line(machine, month)

    page = client.get(f"/costs/lines/{line.pk}/").content.decode()

    assert f"Why {money(line.cents)}?" in page
    assert "carried over" in page and "handed over" in page
    assert f"Recomputed just now: {money(line.cents)}, equal." in page


def test_a_line_that_no_longer_agrees_says_so(client, world, machine, month):
    client.force_login(world.owner)
    line = _line(machine, month)
    Span.objects.update(quantity=7)

    assert b"not equal" in client.get(f"/costs/lines/{line.pk}/").content


def test_within_the_table_a_line_opens_and_closes_in_place(client, world, machine, month):
    client.force_login(world.owner)
    url = f"/costs/lines/{_line(machine, month).pk}/"
    htmx = {"HX-Request": "true"}

    opened = client.get(url, {"row": "open"}, headers=htmx).content.decode()
    closed = client.get(url, {"row": "closed"}, headers=htmx).content.decode()

    assert "<html" not in opened and 'aria-expanded="true"' in opened and "Recomputed" in opened
    assert 'aria-expanded="false"' in closed and "Recomputed" not in closed


def test_a_line_is_seen_by_whom_it_concerns(client, world, machine, month):
    url = f"/costs/lines/{_line(machine, month).pk}/"

    for person, status in ((world.owner, 200), (world.approver, 200), (world.admin, 200), (world.stranger, 404)):
        client.force_login(person)
        assert client.get(url).status_code == status, person


def test_statements_list_the_months_of_my_cost_centres(client, world, machine, month):
    client.force_login(world.approver)

    page = client.get("/statements/").content.decode()

    assert "4120 Data Platform" in page
    assert money(_line(machine, month).cents) in page


def test_statements_of_somebody_without_a_cost_centre_are_empty(client, world, machine):
    client.force_login(world.owner)

    assert b"No statements" in client.get("/statements/").content


@pytest.mark.parametrize("count", [1, 3])
def test_the_statements_ask_the_same_number_of_questions(client, world, machine, count, django_assert_num_queries):
    for _number in range(count - 1):
        make_cost_centre(owner=world.approver)
    client.force_login(world.approver)

    with django_assert_num_queries(12):
        assert len(client.get("/statements/").context["centres"]) == count


def test_a_statement_has_the_same_lines_for_owner_and_admin_and_is_not_there_for_others(client, world, machine, month):
    url = f"/statements/{world.owner.cost_centre_id}/{month:%Y}-{month.month}/"

    for person, status in ((world.approver, 200), (world.admin, 200), (world.owner, 404), (world.stranger, 404)):
        client.force_login(person)
        answer = client.get(url)
        assert answer.status_code == status, person
        assert (b"churn-scoring" in answer.content) == (status == 200)


def test_a_statement_of_no_month_is_not_there(client, world):
    client.force_login(world.admin)

    assert client.get(f"/statements/{world.owner.cost_centre_id}/2026-13/").status_code == 404


@pytest.mark.parametrize("path", ["/costs/", "/statements/", "/costs/lines/1/", "/statements/1/2026-1/"])
def test_pages_of_money_only_answer_questions(client, world, path):
    client.force_login(world.admin)

    assert client.post(path).status_code == 405


def test_names_from_the_hypervisor_stay_text(client, world, month):
    _charged(world, "<script>alert(1)</script>")
    client.force_login(world.owner)

    page = _costs(client, month).content

    assert b"<script>alert" not in page
    assert b"&lt;script&gt;alert" in page


@pytest.mark.parametrize(
    ("micros", "words"), [(7_300_000, "€7.30"), (1_909_375, "€1.909375"), (0, "€0.00"), (1, "€0.000001")]
)
def test_a_price_has_as_many_places_as_it_needs(micros, words):
    assert moneywords.price(micros) == words
