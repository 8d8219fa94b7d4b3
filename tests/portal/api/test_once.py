"""Idempotency keys: what is sent twice is done once, and answered twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver
from django.utils import timezone
from rest_framework.test import APIClient

from lifecycle.models import Reply, Size
from lifecycle.replies import actions as replies
from portal.api import once, urls
from portal.api.guarded import Guarded
from portal.api.parsing import MOST_BYTES
from tests.lifecycle.factories import make_user
from tests.lifecycle.world import World
from tests.portal.api.answers import fine, problem
from tests.portal.api.conftest import Clients

URL = "/api/v1/sizes/"
KEY = {"Idempotency-Key": "tiny-1"}
TINY = {"name": "Tiny", "vcpus": 1, "memory_mib": 1024, "disk_mib": 20480}


def test_what_is_sent_again_is_answered_again_and_done_once(world: World, admin: APIClient) -> None:
    first = admin.post(URL, TINY, headers=KEY)
    again = admin.post(URL, TINY, headers=KEY)

    assert fine(first, 201) == fine(again, 201)
    assert (first.get("Idempotency-Replayed"), again.get("Idempotency-Replayed")) == (None, "true")
    assert Size.objects.filter(name="Tiny").count() == 1


def test_without_a_key_the_second_is_refused_by_the_rules(world: World, admin: APIClient) -> None:
    fine(admin.post(URL, TINY), 201)

    problem(admin.post(URL, TINY), 422)


@pytest.mark.parametrize(
    ("path", "body"), [(URL, TINY | {"name": "Other"}), ("/api/v1/pause/", TINY), (f"{URL}?x=1", TINY)]
)
def test_a_key_stands_for_one_thing(world: World, admin: APIClient, path: str, body: dict[str, Any]) -> None:
    fine(admin.post(URL, TINY, headers=KEY), 201)

    assert problem(admin.post(path, body, headers=KEY), 422)["type"] == "urn:leasehold:key_reused"


def test_a_refusal_leaves_the_key_free(world: World, admin: APIClient) -> None:
    problem(admin.post(URL, TINY | {"vcpus": 0}, headers=KEY), 422)

    fine(admin.post(URL, TINY, headers=KEY), 201)


def test_a_fault_leaves_the_key_free(world: World, admin: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("portal.api.catalogue.actions.create_size", lambda **_given: 1 / 0)
        problem(admin.post(URL, TINY, headers=KEY), 500)

    fine(admin.post(URL, TINY, headers=KEY), 201)


def test_people_do_not_share_keys(world: World, admin: APIClient, client_of: Clients) -> None:
    admin.post("/api/v1/notices/mark-read/", headers=KEY)

    again = client_of("owner").post("/api/v1/notices/mark-read/", headers=KEY)

    assert fine(again) is not None and "Idempotency-Replayed" not in again
    assert Reply.objects.count() == 2


def test_while_the_first_is_at_work_the_second_is_asked_to_wait(world: World, admin: APIClient) -> None:
    fine(admin.post(URL, TINY, headers=KEY), 201)
    Reply.objects.update(status=None)

    answer = admin.post(URL, TINY, headers=KEY)

    assert problem(answer, 409)["type"] == "urn:leasehold:under_way"
    assert answer["Retry-After"] == "1"


def test_a_key_whose_process_died_is_taken_over(world: World, admin: APIClient) -> None:
    fine(admin.post(URL, TINY, headers=KEY), 201)
    Size.objects.filter(name="Tiny").delete()
    Reply.objects.update(status=None, claimed_at=timezone.now() - replies.ABANDONED - timedelta(seconds=1))

    fine(admin.post(URL, TINY, headers=KEY), 201)

    assert Reply.objects.get().status == 201


def test_a_key_is_free_after_its_day(world: World, admin: APIClient) -> None:
    fine(admin.post(URL, TINY, headers=KEY), 201)
    Reply.objects.update(claimed_at=timezone.now() - replies.KEPT - timedelta(seconds=1))

    fine(admin.post(URL, TINY | {"name": "Other"}, headers=KEY), 201)


def test_the_sweep_forgets_what_is_older_than_a_day(db: None) -> None:
    person = make_user()
    for hours in (23, 25):
        at = timezone.now() - timedelta(hours=hours)
        Reply.objects.create(person=person, key=str(hours), digest="", claimed_at=at)

    assert replies.sweep() == 1
    assert Reply.objects.get().key == "23"


def test_an_answer_that_holds_a_secret_is_not_kept(
    world: World, admin: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Guarded, "keeps_answers", False)
    fine(admin.post(URL, TINY, headers=KEY), 201)

    problem(admin.post(URL, TINY, headers=KEY), 409)

    assert bytes(Reply.objects.get().body) == b""


def test_a_key_saves_nobody_from_being_asked_who_they_are(world: World, client_of: Clients) -> None:
    problem(client_of("anonymous").post(URL, TINY, headers=KEY), 401)
    problem(client_of("owner").post(URL, TINY, headers=KEY), 403)

    assert not Reply.objects.exists()


def test_a_body_beyond_all_bounds_is_refused_before_it_is_read_twice(
    world: World, admin: APIClient, settings: Any
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = MOST_BYTES

    problem(admin.post(URL, TINY | {"name": "x" * 2 * MOST_BYTES}, headers=KEY), 413)


def test_only_what_is_posted_takes_keys(world: World, admin: APIClient) -> None:
    fine(admin.get("/api/v1/me/", headers=KEY))

    assert not Reply.objects.exists()


def views(patterns: list[Any]) -> list[Any]:
    found: list[Any] = []
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            found += views(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            found.append(getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None))
    return [view for view in found if view]


def test_every_view_of_the_api_is_guarded() -> None:
    bare = {view.__name__ for view in views(urls.urlpatterns) if not issubclass(view, Guarded)}

    assert bare == {"DocsView"}  # a page about it


def test_the_key_is_described_on_everything_posted() -> None:
    assert once.PARAMETER.name == once.HEADER
