"""What stands around every page."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.lifecycle.factories import make_user


@pytest.mark.django_db
def test_poll_after_the_session_ended_sends_the_whole_page_to_sign_in(client: Client) -> None:
    answer = client.get(
        "/machines/1/live/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/machines/1/"}
    )

    assert answer.status_code == 200
    assert answer.headers["HX-Redirect"] == "/sign-in/?next=%2Fmachines%2F1%2F"


@pytest.mark.django_db
def test_page_without_a_session_is_redirected_as_usual(client: Client) -> None:
    answer = client.get("/machines/1/")

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/sign-in/?next=")


@pytest.mark.django_db
def test_poll_of_somebody_who_is_signed_in_is_answered(client: Client) -> None:
    client.force_login(make_user())

    assert client.get("/machines/1/live/", headers={"HX-Request": "true"}).status_code == 404
