"""SSH keys of people, on their account and in the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from lifecycle.models import SshKey
from tests.lifecycle.factories import FINGERPRINT, SSH_KEY, make_admin, make_ssh_key, make_user
from tests.portal.api.answers import fine, problem

pytestmark = pytest.mark.django_db

ACCOUNT = reverse("account")
API = "/api/v1/ssh-keys/"


@pytest.fixture
def lena() -> Any:
    return make_user("lena", last_name="Brandt")


@pytest.fixture
def client(lena: Any) -> Client:
    client = Client()
    client.force_login(lena)
    return client


def test_a_key_is_added_shown_and_removed(client: Client, lena: Any) -> None:
    assert b"No SSH keys yet" in client.get(ACCOUNT).content

    assert client.post(reverse("ssh-key-new"), {"key": SSH_KEY, "name": ""})["Location"] == ACCOUNT
    page = client.get(ACCOUNT).content.decode()
    key = lena.ssh_keys.get()
    assert "lena@laptop" in page
    assert FINGERPRINT in page
    assert FINGERPRINT in client.get(reverse("ssh-key-remove", args=[key.pk])).content.decode()

    assert client.post(reverse("ssh-key-remove", args=[key.pk]))["Location"] == ACCOUNT
    assert client.post(reverse("ssh-key-remove", args=[key.pk])).status_code == 404
    assert not SshKey.objects.exists()


def test_what_is_wrong_stands_at_its_field(client: Client) -> None:
    for sent, field in (({"key": "ssh-ed25519 AAAA", "name": ""}, "key"), ({"key": SSH_KEY, "name": "x" * 81}, "name")):
        answer = client.post(reverse("ssh-key-new"), sent)

        assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])


def test_the_page_asks_as_often_for_three_keys_as_for_one(
    client: Client, lena: Any, django_assert_num_queries: Any
) -> None:
    make_ssh_key(lena)
    client.get(ACCOUNT)
    with django_assert_num_queries(9):
        client.get(ACCOUNT)
    make_ssh_key(lena)
    make_ssh_key(lena)
    with django_assert_num_queries(9):
        client.get(ACCOUNT)


def test_administrators_see_fingerprints_on_the_page_of_the_person(lena: Any) -> None:
    make_ssh_key(lena, key=SSH_KEY)
    admin = Client()
    admin.force_login(make_admin("ingrid"))

    page = admin.get(reverse("person", args=[lena.pk])).content.decode()

    assert FINGERPRINT in page
    assert SSH_KEY.split()[1] not in page


def test_programs_add_list_and_remove_keys(lena: Any) -> None:
    program = APIClient(raise_request_exception=False)
    program.force_login(lena)

    added = fine(program.post(API, {"key": SSH_KEY, "name": "backup"}), 201)
    assert (added["name"], added["fingerprint"], added["key"]) == ("backup", FINGERPRINT, SSH_KEY)
    assert "key" in problem(program.post(API, {"key": SSH_KEY}), 422)["errors"]
    assert "key" in problem(program.post(API, {"key": "no"}), 422)["errors"]
    assert [each["id"] for each in fine(program.get(API))["results"]] == [added["id"]]

    assert program.delete(f"{API}{added['id']}/").status_code == 204
    problem(program.delete(f"{API}{added['id']}/"), 404)
