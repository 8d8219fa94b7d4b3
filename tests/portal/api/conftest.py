"""Programs that speak to the API, one for each of the cast."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from lifecycle.estate.sync import sync
from lifecycle.models import Finding
from lifecycle.sprawl.actions import scan
from tests.lifecycle.world import World

Clients = Callable[[str], APIClient]

ROLES = ("anonymous", "stranger", "teammate", "owner", "approver", "admin")


@pytest.fixture
def client_of(world: World) -> Clients:
    """A client by role; errors become answers, as they do for programs."""

    def make(role: str) -> APIClient:
        client = APIClient(raise_request_exception=False)
        if role != "anonymous":
            client.force_login(getattr(world, role))
        return client

    return make


@pytest.fixture
def owner(client_of: Clients) -> APIClient:
    return client_of("owner")


@pytest.fixture
def approver(client_of: Clients) -> APIClient:
    return client_of("approver")


@pytest.fixture
def admin(client_of: Clients) -> APIClient:
    return client_of("admin")


@pytest.fixture
def orphan(world: World) -> Finding:
    """A machine that somebody made past the portal."""
    world.dc.make_machine_by_hand("found-by-chance")
    sync(world.endpoint)
    scan()
    return Finding.objects.select_related("machine").get()
