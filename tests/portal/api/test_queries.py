"""Lists ask the database the same number of questions for one row as for three."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from lifecycle import clock
from lifecycle.estate.sync import sync
from lifecycle.money.actions import draft
from lifecycle.requests.actions import approve
from lifecycle.sprawl.actions import scan
from lifecycle.sprawl.inventory import try_inventory
from lifecycle.sprawl.rules.actions import add_rule
from tests.lifecycle.factories import (
    make_cost_centre,
    make_endpoint,
    make_rate_card,
    make_ssh_key,
    make_team,
    make_token,
    make_user,
)
from tests.lifecycle.world import World
from tests.portal.api.answers import fine
from tests.portal.api.conftest import Clients

# Two of each are the session and the person.
COUNTS: dict[str, tuple[str, int]] = {
    "machines/": ("owner", 7),
    "machines/?stage=active": ("admin", 6),
    "requests/": ("owner", 6),
    "requests/?waiting=true": ("approver", 5),
    "lines/": ("owner", 3),
    "costs/": ("owner", 5),
    "notices/": ("approver", 3),
    "tokens/": ("owner", 3),
    "ssh-keys/": ("owner", 3),
    "blueprints/": ("owner", 4),
    "sizes/": ("owner", 3),
    "rate-cards/": ("owner", 4),
    "cost-centres/": ("admin", 3),
    "orphans/": ("admin", 3),
    "rules/": ("admin", 3),
    "inventories/": ("admin", 3),
    "endpoints/": ("admin", 3),
    "operations/": ("admin", 3),
    "audit/": ("admin", 3),
    "people/": ("admin", 3),
    "people/imports/": ("admin", 3),
    "teams/": ("admin", 3),
}


@pytest.fixture(params=[1, 3])
def rows(world: World, request: pytest.FixtureRequest) -> int:
    """So many of everything, or some more."""
    count: int = request.param
    for number in range(count):
        approve(world.submit(f"held-{number}", for_team=bool(number % 2)), by=world.approver)
        world.dc.make_machine_by_hand(f"found-{number}")
    world.work_off()
    for number in range(count):
        world.submit(f"asked-{number}")
        team = make_team(cost_centre=make_cost_centre(owner=make_user()))
        make_user(team=team, supervisor=make_user())
        make_endpoint()
        make_token(world.owner)
        make_ssh_key(world.owner)
        add_rule(name=f"R{number}", effect="hint", machine_name="x*", person=world.owner, by=world.admin)
        make_rate_card(valid_from=clock.now().date().replace(year=2030 + number, month=1, day=1))
    try_inventory(b"name,owner\nx,lena\n", file_name="cmdb.csv", by=world.admin)
    sync(world.endpoint)
    scan()
    clock.move_to(clock.now() + timedelta(days=1))
    draft()
    return count


def test_lists_ask_as_often_for_three_rows_as_for_one(client_of: Clients, rows: int) -> None:
    found = {}
    for path, (role, _count) in COUNTS.items():
        client = client_of(role)
        with CaptureQueriesContext(connection) as asked:
            assert fine(client.get(f"/api/v1/{path}"))
        found[path] = (role, len(asked))

    assert found == COUNTS
