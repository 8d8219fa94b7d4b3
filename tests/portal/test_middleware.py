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


HEADERS = {
    "Cache-Control": "private, no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/costs/", "/api/v1/me/", "/nothing/here/"])
def test_answers_are_for_whoever_asked_and_nobody_else(client: Client, path: str) -> None:
    client.force_login(make_user())

    answer = client.get(path)

    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.django_db
def test_a_session_s_cookie_is_for_this_site_and_no_script(client: Client) -> None:
    make_user("lena")
    answer = client.post("/sign-in/", {"username": "lena", "password": "secret-for-tests"})

    cookie = answer.cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 12 * 3600)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Origin": "https://portal.example.org"}, "This was sent from https://portal.example.org."),
        ({"Origin": "null"}, "cookies are switched off"),
        ({}, "cookies are switched off"),
    ],
)
def test_a_form_from_elsewhere_is_refused_with_the_reason(headers: dict[str, str], words: str) -> None:
    answer = Client(enforce_csrf_checks=True).post("/sign-in/", {"username": "x"}, headers=headers)

    assert answer.status_code == 403
    assert words in answer.content.decode()
    assert ("CSRF_TRUSTED_ORIGINS" in answer.content.decode()) == words.startswith("This was")


@pytest.mark.django_db
def test_a_form_over_tls_from_elsewhere_is_told_by_its_referer() -> None:
    headers = {"Referer": "https://portal.example.org/sign-in/"}

    answer = Client(enforce_csrf_checks=True).post("/sign-in/", {"username": "x"}, headers=headers, secure=True)

    assert "This was sent from https://portal.example.org." in answer.content.decode()
