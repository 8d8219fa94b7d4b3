"""Signing in and out: who gets in, the brake on trying passwords, and that leaving needs a POST."""

import pytest
from django.core.cache import cache
from django.urls import reverse

from portal.web.forms_house.signing_in import TRIES
from tests.lifecycle.factories import make_user

pytestmark = pytest.mark.django_db

SIGN_IN = reverse("sign-in")
GOOD = {"username": "lena", "password": "secret-for-tests"}


@pytest.fixture(autouse=True)
def lena():
    cache.clear()
    yield make_user("lena", email="lena@example.org")
    cache.clear()


def test_the_right_password_leads_to_the_page_that_was_asked_for(client):
    assert client.get("/costs/").url == f"{SIGN_IN}?next=/costs/"

    answer = client.post(SIGN_IN, GOOD | {"next": "/costs/"})

    assert (answer.status_code, answer.url) == (302, "/costs/")


def test_a_foreign_next_page_is_not_followed(client):
    assert client.post(SIGN_IN, GOOD | {"next": "https://evil.example/"}).url == "/"


def test_a_mail_address_is_as_good_as_a_name(client):
    assert client.post(SIGN_IN, GOOD | {"username": "LENA@example.org"}).status_code == 302


def test_a_mail_address_of_two_people_names_neither(client):
    make_user("other", email="lena@example.org")

    assert client.post(SIGN_IN, GOOD | {"username": "lena@example.org"}).status_code == 200


def test_a_wrong_password_says_so_and_keeps_the_name(client):
    answer = client.post(SIGN_IN, GOOD | {"password": "wrong"})

    assert b"Name or password is wrong." in answer.content
    assert b'value="lena"' in answer.content


def test_after_too_many_tries_even_the_right_password_waits(client):
    for _try in range(TRIES):
        client.post(SIGN_IN, GOOD | {"password": "wrong"})

    assert b"Wait 5 minutes" in client.post(SIGN_IN, GOOD).content


def test_others_are_not_braked_by_it(client):
    make_user("piotr")
    for _try in range(TRIES):
        client.post(SIGN_IN, GOOD | {"password": "wrong"})

    assert client.post(SIGN_IN, GOOD | {"username": "piotr"}).status_code == 302


def test_a_locked_account_stays_outside(client, lena):
    lena.is_active = False
    lena.save()

    assert client.post(SIGN_IN, GOOD).status_code == 200


def test_whoever_is_signed_in_goes_home(client, lena):
    client.force_login(lena)

    assert client.get(SIGN_IN).url == "/"


def test_signing_out_needs_a_post(client, lena):
    client.force_login(lena)

    assert client.get(reverse("sign-out")).status_code == 405
    assert client.post(reverse("sign-out")).url == SIGN_IN
    assert client.get("/costs/").status_code == 302


def test_only_a_demo_names_its_sign_ins_and_password(client, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    (tmp_path / "password").write_text("b3ach\n")
    assert b"b3ach" not in client.get(SIGN_IN).content

    settings.DEMO = True

    assert b"b3ach" in client.get(SIGN_IN).content
    assert b'value="lena"' in client.get(SIGN_IN, {"as": "lena"}).content
    assert b"mallory" not in client.get(SIGN_IN, {"as": "mallory"}).content
