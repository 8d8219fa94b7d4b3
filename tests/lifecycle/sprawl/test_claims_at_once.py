"""Decisions and lists at the same instant: one wins, the others hear that it did, and nothing is given twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from lifecycle import clock
from lifecycle.errors import Conflict
from lifecycle.estate.models import Machine
from lifecycle.leases.models import Lease
from lifecycle.models import Notice
from lifecycle.sprawl import board, claims, lists
from lifecycle.sprawl.models import Claim
from tests.lifecycle.factories import make_admin, make_endpoint, make_machine, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def _at_once(*acts: Callable[[], object]) -> list[str]:
    """What became of each, begun together in connections of their own."""
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> str:
        start.wait()
        try:
            act()
        except Conflict:
            return "conflict"
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(run, acts))


def _claims(count: int) -> list[Claim]:
    machine = make_machine("stray")
    board.put_up([machine], by=make_admin())
    last_day = clock.now().date() + timedelta(days=30)
    terms: dict[str, Any] = {"reason": "I made it", "purpose": "Shop", "last_day": last_day}
    return [claims.claim(machine, **terms, by=make_user()) for _ in range(count)]


def test_of_two_claims_accepted_at_once_one_has_the_machine() -> None:
    first, second = _claims(2)
    ingrid, karin = make_admin("ingrid"), make_admin("karin")

    found = _at_once(lambda: claims.accept(first, by=ingrid), lambda: claims.accept(second, by=karin))

    assert found == ["conflict", "done"]
    assert sorted(Claim.objects.values_list("state", flat=True)) == ["accepted", "overtaken"]
    assert Lease.objects.count() == 1
    winner = Claim.objects.get(state="accepted")
    assert Machine.objects.get().holder == winner.by


def test_accepted_and_refused_at_once_is_one_of_the_two() -> None:
    (claim,) = _claims(1)
    ingrid, karin = make_admin("ingrid"), make_admin("karin")
    same = Claim.objects.get()

    found = _at_once(lambda: claims.accept(claim, by=ingrid), lambda: claims.refuse(same, words="No", by=karin))

    assert found == ["conflict", "done"]
    assert Lease.objects.count() == (Claim.objects.get().state == "accepted")


def test_a_list_that_two_workers_apply_is_applied_once() -> None:
    endpoint, admin = make_endpoint(), make_admin()
    make_user("lena")
    for number in range(12):
        make_machine(f"web-{number}", endpoint=endpoint)
    last_day = (clock.now().date() + timedelta(days=30)).isoformat()
    rows = "".join(f"web-{number},lena,Shop,{last_day}\n" for number in range(12))
    kept = lists.try_list(f"machine,holder,purpose,last_day\n{rows}".encode(), file_name="a", by=admin)
    lists.apply_list(kept, by=admin)

    assert _at_once(lambda: lists.go_on(kept.pk), lambda: lists.go_on(kept.pk)) == ["done", "done"]

    kept.refresh_from_db()
    assert (kept.state, set(kept.rows.values_list("outcome", flat=True))) == ("applied", {"given"})
    assert Lease.objects.count() == 12
    assert Notice.objects.filter(kind="adopted").count() == 1
