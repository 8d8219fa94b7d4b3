"""Notices over the API."""

from rest_framework.test import APIClient

from lifecycle.models import Notice
from tests.lifecycle.world import World
from tests.portal.api.answers import fine

URL = "/api/v1/notices/"


def test_people_read_what_they_were_told_and_nobody_else_s(world: World, owner: APIClient, approver: APIClient) -> None:
    world.machine()

    mine, theirs = (fine(client.get(URL))["results"] for client in (owner, approver))

    assert [notice["kind"] for notice in theirs] == ["decision_needed"]
    assert mine and {notice["id"] for notice in mine}.isdisjoint(notice["id"] for notice in theirs)


def test_looking_changes_nothing_and_marking_counts_once(world: World, approver: APIClient) -> None:
    world.submit()
    assert len(fine(approver.get(f"{URL}?unread=true"))["results"]) == 1

    assert fine(approver.post(f"{URL}mark-read/")) == {"marked": 1}
    assert fine(approver.post(f"{URL}mark-read/")) == {"marked": 0}

    assert fine(approver.get(f"{URL}?unread=true"))["results"] == []
    assert len(fine(approver.get(f"{URL}?unread=false"))["results"]) == Notice.objects.count()
