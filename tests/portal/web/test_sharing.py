"""Sharing a machine, by its page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from lifecycle.estate.models import Level, Machine
from lifecycle.estate.shares import shares_of
from lifecycle.estate.sharing import share
from lifecycle.models import User
from tests.lifecycle.world import World


@pytest.fixture
def machine(world: World) -> Machine:
    return world.machine("kafka")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def words_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_share_with_a_person_by_name(world: World, machine: Machine) -> None:
    answer = signed_in(world.owner).post(
        f"/machines/{machine.pk}/share/", {"recipient": "jonas", "level": Level.OPERATE, "until": str(world.day(5))}
    )

    assert answer.status_code == 302
    assert [(one.recipient, one.level, one.until) for one in shares_of(machine)] == [
        (world.stranger, Level.OPERATE, world.day(5))
    ]


def test_share_with_a_team_without_end(world: World, machine: Machine) -> None:
    signed_in(world.owner).post(f"/machines/{machine.pk}/share/", {"recipient": "Web Shops", "level": Level.SEE})

    page = words_of(signed_in(world.stranger).get(f"/machines/{machine.pk}/"))
    assert "Web Shops" in page
    assert "no end" in page
    assert "Extend…" not in page


def test_share_that_is_refused_keeps_what_was_typed(world: World, machine: Machine) -> None:
    answer = signed_in(world.owner).post(
        f"/machines/{machine.pk}/share/", {"recipient": "nobody-here", "level": Level.OPERATE, "until": "yesterday"}
    )

    assert answer.status_code == 422
    page = words_of(answer)
    assert "Nobody here is called that" in page
    assert 'value="nobody-here"' in page
    assert "Not a date" in page


def test_share_twice_is_told(world: World, machine: Machine) -> None:
    share(machine, recipient=world.stranger, level=Level.SEE, by=world.owner)

    answer = signed_in(world.owner).post(
        f"/machines/{machine.pk}/share/", {"recipient": "jonas", "level": Level.MANAGE}
    )

    assert answer.status_code == 409
    assert "shared with jonas already" in words_of(answer)


def test_change_and_withdraw(world: World, machine: Machine) -> None:
    made = share(machine, recipient=world.stranger, level=Level.SEE, by=world.owner)
    client, address = signed_in(world.owner), f"/machines/{machine.pk}/shares/{made.key}/"

    assert client.get(address).status_code == 200
    assert client.post(address, {"level": Level.MANAGE}).status_code == 302
    assert [one.level for one in shares_of(machine)] == [Level.MANAGE]
    assert client.post(f"{address}withdraw/")["Location"] == f"/machines/{machine.pk}/"
    assert client.get(address).status_code == 404


def test_giving_up_a_share_leads_away_from_what_is_no_longer_seen(world: World, machine: Machine) -> None:
    made = share(machine, recipient=world.stranger, level=Level.SEE, by=world.owner)
    client = signed_in(world.stranger)

    assert "Give it up" in words_of(client.get(f"/machines/{machine.pk}/"))
    answer = client.post(f"/machines/{machine.pk}/shares/{made.key}/withdraw/")

    assert answer["Location"] == "/machines/"
    assert client.get(f"/machines/{machine.pk}/").status_code == 404


@pytest.mark.parametrize(
    ("level", "there", "missing"),
    [
        (Level.SEE, [], ["Shut down", "Extend…", "Give back", "Share…"]),
        (Level.OPERATE, ["Shut down"], ["Extend…", "Give back", "Share…"]),
        (Level.MANAGE, ["Shut down", "Extend…", "Give back", "Share…"], []),
    ],
)
def test_page_offers_what_the_level_allows(
    world: World, machine: Machine, level: Level, there: list[str], missing: list[str]
) -> None:
    share(machine, recipient=world.stranger, level=level, by=world.owner)

    page = words_of(signed_in(world.stranger).get(f"/machines/{machine.pk}/"))

    assert [words for words in [*there, *missing] if words in page] == there


def test_names_are_text(world: World, machine: Machine) -> None:
    User.objects.filter(pk=world.stranger.pk).update(first_name="<script>", last_name="</script>")
    world.stranger.refresh_from_db()
    share(machine, recipient=world.stranger, level=Level.SEE, by=world.owner)

    assert "<script>" not in words_of(signed_in(world.owner).get(f"/machines/{machine.pk}/")).split("<main", 1)[1]
