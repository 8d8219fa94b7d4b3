"""What auditors are shown: everything, and nothing to press that would be refused to them."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from lifecycle.models import User
from tests.lifecycle.factories import make_user
from tests.lifecycle.world import World

OWN = ("/sign-out/", "/notices/", "/account/")
"""What belongs to one's own account."""
PAGES = (
    "/", "/machines/", "/requests/", "/approvals/", "/costs/", "/statements/", "/orphans/", "/endpoints/",
    "/operations/", "/people/", "/people/line/", "/people/lists/", "/teams/", "/cost-centres/", "/catalogue/",
    "/audit/", "/notices/",
)  # fmt: skip


@pytest.fixture
def auditor(world: World) -> Client:
    person = make_user("aurel", role=User.Role.AUDITOR, team=world.owner.team)
    world.machine("held-by-the-team", for_team=True)
    client = Client()
    client.force_login(person)
    return client


@pytest.mark.parametrize("path", PAGES)
def test_pages_offer_auditors_nothing_that_is_refused_to_them(auditor: Client, path: str) -> None:
    page = auditor.get(path).content.decode()
    forms = [re.search(r'action="([^"]*)"', form) for form in re.findall(r"<form[^>]*post[^>]*>", page)]
    links = set(re.findall(r'<a [^>]*href="(/[^"]*)"', page))

    assert [found[1] if found else path for found in forms if not (found and found[1].startswith(OWN))] == []
    assert {address: auditor.get(address).status_code for address in links} == dict.fromkeys(links, 200)
