"""Keys claimed at the same instant."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from lifecycle.models import Reply, User
from lifecycle.replies.actions import UnderWay, claim
from tests.lifecycle.factories import make_user


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_has_the_key() -> None:
    person, start = make_user(), Barrier(4)

    def ask(_number: int) -> str:
        start.wait()
        try:
            return _claimed(person)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        found = sorted(pool.map(ask, range(4)))

    assert found == ["claimed", "waits", "waits", "waits"]
    assert Reply.objects.count() == 1


def _claimed(person: User) -> str:
    try:
        claim("once", "digest", by=person)
    except UnderWay:
        return "waits"
    return "claimed"
