"""Search by words, and, on PostgreSQL, that neither it nor a list reads the whole table."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from lifecycle.estate import search
from lifecycle.estate.models import Machine, Stage
from lifecycle.estate.queries import machine_list
from tests.lifecycle.factories import BEGINNING, make_admin, make_endpoint, make_machine, make_team, make_user

pytestmark = pytest.mark.django_db
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL tells its plans")


def plan(rows: Any) -> str:
    """What it would do if the table were so large that nobody reads it for this."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        sql, params = rows.query.sql_with_params()
        cursor.execute(f"EXPLAIN {sql}", params)
        return "\n".join(line for (line,) in cursor.fetchall())


@pytest.fixture
def many():
    """Enough machines of many people for a choice between indexes, and the database knows of them."""
    endpoint, people = make_endpoint(), [make_user() for _ in range(20)]
    Machine.objects.bulk_create(
        Machine(
            name=f"web-{number}", endpoint=endpoint, native_ref=str(number), stage=Stage.ACTIVE,
            holder=people[number % 20], next_at=BEGINNING + timedelta(hours=number),
            purpose=f"Number {number}", addresses=[f"10.1.{number // 250}.{number % 250}"],
        )
        for number in range(2000)
    )  # fmt: skip
    with connection.cursor() as cursor:
        # New rows wait in a list of their own beside such an index until somebody has time, as here nobody has.
        cursor.execute("SELECT gin_clean_pending_list('machine_by_words')")
        cursor.execute("ANALYZE lifecycle_machine")
    return people


@pytest.fixture
def admin():
    return make_admin()


@pytest.mark.parametrize("most", [1, search.MOST_NAMED])
def test_words_find_holders_however_many_are_called_so(admin, monkeypatch, most):
    monkeypatch.setattr(search, "MOST_NAMED", most)
    held = [make_machine(holder=make_user(first_name="Kim", last_name=name)) for name in ("Ngo", "Okafor")]
    by_team = make_machine(team=make_team("Kimonos"), holder=None)
    make_machine(holder=make_user(first_name="Lena"))

    assert set(machine_list(admin, q="KIM")) == {*held, by_team}
    assert list(machine_list(admin, q="kim okafor")) == held[1:]


@pytest.mark.parametrize("words", ["shop", "shop web ngo"])
def test_words_ask_once_for_people_once_for_teams_and_once_for_machines(admin, django_assert_num_queries, words):
    make_machine("shop-1", holder=make_user(last_name="Ngo"), guest_name="web.lan")

    with django_assert_num_queries(3):
        assert len(machine_list(admin, q=words)) == 1


@on_postgresql
@pytest.mark.parametrize("words", ["web-1234", "web-1234 ngo", "10.1.2.99"])
def test_search_uses_its_index(many, words):
    shown = plan(search.with_words(Machine.objects.order_by(), words))

    assert "machine_by_words" in shown
    assert "Seq Scan on lifecycle_machine" not in shown


@on_postgresql
def test_lists_use_theirs(admin, many):
    in_order = ("next_at", "id")

    assert "machine_by_next" in plan(machine_list(admin).order_by(*in_order).values_list("pk")[:51])
    shown = plan(machine_list(many[0]).order_by(*in_order).values_list("pk")[:51])
    assert "lifecycle_machine_pkey" in shown
    assert "Seq Scan on lifecycle_machine" not in shown


@on_postgresql
def test_a_free_name_is_looked_for_by_index(many):
    assert "machine_by_words" in plan(Machine.objects.filter(name__istartswith="web-1234").order_by())
