"""A person's notices: their own, newest first, and read only when they say so."""

from datetime import timedelta

import pytest

from lifecycle import clock
from lifecycle.notices.models import Notice


def _tell(person, subject, *, ago=0, **fields):
    return Notice.objects.create(
        recipient=person, kind="test", key=subject, subject=subject, path="/costs/",
        at=clock.now() - timedelta(hours=ago), **fields,
    )  # fmt: skip


def test_mine_are_listed_newest_first_and_others_are_not(client, world):
    _tell(world.owner, "older", ago=5)
    _tell(world.owner, "newer")
    _tell(world.stranger, "for somebody else")
    client.force_login(world.owner)

    rows = client.get("/notices/").context["page"].rows

    assert [notice.subject for notice in rows] == ["newer", "older"]


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_asks_the_same_number_of_questions(client, world, count, django_assert_num_queries):
    for number in range(count):
        _tell(world.owner, f"notice {number}")
    client.force_login(world.owner)

    with django_assert_num_queries(9):
        assert len(client.get("/notices/").context["page"].rows) == count


def test_looking_changes_nothing_and_a_post_marks_all_of_mine_read(client, world):
    mine, other = _tell(world.owner, "mine"), _tell(world.stranger, "other")
    client.force_login(world.owner)

    assert b"Mark all read" in client.get("/notices/").content
    mine.refresh_from_db()
    assert mine.read_at is None

    for _time in range(2):
        assert client.post("/notices/").url == "/notices/"
    for notice, is_read in ((mine, True), (other, False)):
        notice.refresh_from_db()
        assert (notice.read_at is not None) == is_read
    assert b"Mark all read" not in client.get("/notices/").content


def test_names_in_a_subject_are_text(client, world):
    _tell(world.owner, "<script>alert(1)</script> stops")
    client.force_login(world.owner)

    assert b"<script>alert" not in client.get("/notices/").content


def test_without_any_it_says_what_would_be_here(client, world):
    client.force_login(world.owner)

    assert b"No notices yet" in client.get("/notices/").content
    assert client.put("/notices/").status_code == 405
