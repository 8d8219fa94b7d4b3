"""Search by words, and, on PostgreSQL, that neither it nor a list reads the whole table."""

from typing import Any

import pytest
from django.db import connection

from lifecycle.estate import search
from lifecycle.estate.models import Machine
from lifecycle.estate.queries import machine_list
from tests.lifecycle.factories import make_admin, make_machine, make_team, make_user

pytestmark = pytest.mark.django_db
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL tells its plans")


def plan(rows: Any) -> str:
    """What it would do if the table were too large to be read: in a small one nothing else is worth it."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        sql, params = rows.query.sql_with_params()
        cursor.execute(f"EXPLAIN {sql}", params)
        return "\n".join(line for (line,) in cursor.fetchall())


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
@pytest.mark.parametrize("words", ["shop", "shop ngo", "10.1.2"])
def test_search_uses_its_index(admin, words):
    make_machine("shop-1", holder=make_user(last_name="Ngo"), addresses=["10.1.2.3"])

    shown = plan(machine_list(admin, q=words).order_by())

    assert "machine_by_words" in shown
    assert "Seq Scan on lifecycle_machine" not in shown


@on_postgresql
def test_lists_use_theirs(admin):
    make_machine(holder=make_user(team=make_team()))

    assert "machine_by_next" in plan(machine_list(admin)[:51])
    for user in (make_user(), make_user(team=make_team())):
        shown = plan(machine_list(user).order_by("next_at", "id").values_list("pk")[:51])
        assert "machine_by_holder" in shown
        assert "Seq Scan on lifecycle_machine" not in shown


@on_postgresql
def test_a_free_name_is_looked_for_by_index(admin):
    assert "machine_by_words" in plan(Machine.objects.live().filter(name__istartswith="shop").order_by())
