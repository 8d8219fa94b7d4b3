"""Tokens: what they open, what they do not, and when they end."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from lifecycle import clock
from lifecycle.errors import Conflict, Forbidden
from lifecycle.models import Entry, Token, User
from lifecycle.people import tokens
from portal.web.auditwords import sentence
from tests.lifecycle.factories import make_token
from tests.lifecycle.world import World
from tests.portal.api.answers import fine, problem, verbs
from tests.portal.api.test_bodies import basic

LIST = "/api/v1/tokens/"
ME = "/api/v1/me/"
READ = Token.Scope.READ


def program(plain: str) -> APIClient:
    client = APIClient(raise_request_exception=False, enforce_csrf_checks=True)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plain}")
    return client


def body(world: World, **changes: Any) -> dict[str, Any]:
    return {"name": "nightly", "scope": "read", "last_day": str(world.day(30))} | changes


# Signing in with one


def test_a_token_stands_for_its_person(world: World) -> None:
    _token, plain = make_token(world.owner)

    assert fine(program(plain).get(ME))["username"] == "lena"


def test_a_token_that_may_act_acts_and_the_record_names_the_person(world: World) -> None:
    machine = world.machine()
    _token, plain = make_token(world.owner)

    fine(program(plain).post(f"/api/v1/machines/{machine.pk}/restart/"), 202)

    assert Entry.objects.filter(verb="operation.asked").latest("pk").actor_id == world.owner.pk


def test_a_token_that_reads_changes_nothing(world: World) -> None:
    machine = world.machine()
    _token, plain = make_token(world.owner, scope=READ)
    before = verbs()

    fine(program(plain).get("/api/v1/machines/"))
    assert program(plain).head("/api/v1/machines/").status_code == 200
    for method, path in [("post", f"machines/{machine.pk}/restart/"), ("post", "quotes/"), ("delete", "pause/")]:
        answer = getattr(program(plain), method)(f"/api/v1/{path}")
        assert "may only read" in problem(answer, 403)["detail"]

    assert verbs() == before


def test_a_token_gives_nobody_more_than_they_have(world: World) -> None:
    _token, plain = make_token(world.owner)

    problem(program(plain).get("/api/v1/endpoints/"), 403)


@pytest.mark.parametrize("plain", ["lh_unknown", "", "lh_ä", "x" * 5000, "two words", "\x00"])
def test_what_is_no_token_is_refused(world: World, plain: str) -> None:
    problem(program(plain).get(ME), 401)


def test_a_revoked_token_is_refused_at_once(world: World) -> None:
    token, plain = make_token(world.owner)
    tokens.revoke(token, by=world.owner)

    problem(program(plain).get(ME), 401)


def test_a_token_ends_with_its_last_day_where_its_person_is(world: World) -> None:
    _token, plain = make_token(world.owner, last_day=world.day(0))
    midnight = Token.objects.get().expires_at
    assert midnight.astimezone(world.owner.tz).hour == 0

    clock.move_to(midnight - timedelta(seconds=30))
    fine(program(plain).get(ME))
    clock.move_to(midnight)
    problem(program(plain).get(ME), 401)


@pytest.mark.parametrize("gone", [{"is_active": False}, {"left_on": date(2020, 1, 1)}])
def test_the_tokens_of_whoever_left_are_dead(world: World, gone: dict[str, Any]) -> None:
    _token, plain = make_token(world.owner)

    User.objects.filter(pk=world.owner.pk).update(**gone)

    problem(program(plain).get(ME), 401)


def test_last_use_is_written_once_a_minute(world: World) -> None:
    _token, plain = make_token(world.owner)
    with time_machine.travel(clock.now(), tick=False) as traveller:
        first = clock.now()
        program(plain).get(ME)
        traveller.shift(timedelta(seconds=59))
        program(plain).get(ME)
        assert Token.objects.get().used_at == first
        traveller.shift(timedelta(seconds=2))
        program(plain).get(ME)
        assert Token.objects.get().used_at == clock.now()


def test_a_list_asks_three_questions(world: World, settings: Any) -> None:
    _token, plain = make_token(world.owner)
    fine(program(plain).get("/api/v1/sizes/"))
    settings.CLOCK_SHIFTABLE = False  # as in production

    with CaptureQueriesContext(connection) as asked:
        fine(program(plain).get("/api/v1/sizes/"))

    assert len(asked) == 2  # token and person at once, then the rows


# Making and revoking


def test_a_token_is_made_by_name_and_password_and_told_once(world: World, client_of: Any) -> None:
    client = client_of("anonymous")

    made = fine(client.post(LIST, body(world), headers=basic("lena", "secret-for-tests")), 201)

    assert fine(program(made["token"]).get(ME))["username"] == "lena"
    listed = program(made["token"]).get(LIST)
    assert made["token"] not in listed.content.decode()
    assert fine(listed)["results"][0]["hint"] == made["token"][:8]
    assert verbs()[-1] == "token.made"
    assert made["token"] not in str(list(Entry.objects.values()))
    assert made["token"] not in str(list(Token.objects.values()))


def test_a_key_that_is_sent_again_makes_no_second_token_and_tells_none(world: World, owner: APIClient) -> None:
    key = {"Idempotency-Key": "nightly-1"}
    made = fine(owner.post(LIST, body(world), headers=key), 201)

    again = owner.post(LIST, body(world), headers=key)

    assert made["token"] not in str(problem(again, 409))
    assert Token.objects.count() == 1


def test_a_token_makes_no_tokens(world: World) -> None:
    _token, plain = make_token(world.owner)

    problem(program(plain).post(LIST, body(world)), 403)

    assert Token.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "a\x07b"}, "name"),
        ({"name": "taken"}, "name"),
        ({"scope": "all"}, "scope"),
        ({"last_day": "2001-01-01"}, "last_day"),
        ({"last_day": "2999-01-01"}, "last_day"),
        ({"last_day": None}, "last_day"),
        ({"expires": "never"}, "expires"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(world: World, owner: APIClient, changes: Any, field: str) -> None:
    make_token(world.owner, "taken")

    assert field in problem(owner.post(LIST, body(world, **changes)), 422)["errors"]
    assert Token.objects.count() == 1


def test_a_year_is_the_longest(world: World, owner: APIClient) -> None:
    problem(owner.post(LIST, body(world, last_day=str(world.day(366)))), 422)
    fine(owner.post(LIST, body(world, last_day=str(world.day(365)))), 201)


def test_the_name_of_an_expired_or_revoked_token_is_free_again(world: World, owner: APIClient) -> None:
    make_token(world.owner, "nightly", last_day=world.day(0))
    clock.move_to(clock.now() + timedelta(days=2))

    made = fine(owner.post(LIST, body(world)), 201)
    fine(owner.post(f"{LIST}{made['id']}/revoke/"))
    fine(owner.post(LIST, body(world)), 201)


def test_there_is_an_end_to_making_them(world: World, owner: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST", 1)
    make_token(world.owner)

    problem(owner.post(LIST, body(world)), 409)


def test_revoking_twice_says_so(world: World, owner: APIClient) -> None:
    token, _plain = make_token(world.owner)

    assert fine(owner.post(f"{LIST}{token.pk}/revoke/"))["revoked_at"]
    problem(owner.post(f"{LIST}{token.pk}/revoke/"), 409)

    assert verbs().count("token.revoked") == 1
    assert fine(owner.get(LIST))["results"] == []


def test_a_stranger_s_token_is_not_there(world: World, client_of: Any) -> None:
    token, _plain = make_token(world.owner)

    problem(client_of("stranger").post(f"{LIST}{token.pk}/revoke/"), 404)
    problem(client_of("admin").get(f"{LIST}{token.pk}/"), 404)


def test_nobody_makes_a_token_for_somebody_else(world: World) -> None:
    with pytest.raises(Forbidden):
        tokens.make(world.owner, name="x", scope=READ, last_day=world.day(1), by=world.admin)


def test_administrators_revoke_one_token_of_a_person(world: World) -> None:
    token, plain = make_token(world.owner)
    kept = make_token(world.owner)[1]

    with pytest.raises(Forbidden):
        tokens.revoke(token, by=world.stranger)
    tokens.revoke(token, by=world.admin)
    with pytest.raises(Conflict):
        tokens.revoke(token, by=world.admin)

    assert [tokens.person_of(plain), tokens.person_of(kept)] == [None, world.owner]
    entry = Entry.objects.get(verb="token.revoked")
    assert (entry.actor_id, entry.object_id) == (world.admin.pk, token.pk)
    assert sentence(entry) == f"{world.admin} revoked the token {token} of {world.owner}."


def test_administrators_revoke_all_tokens_of_a_person(world: World) -> None:
    plains = [make_token(world.owner)[1] for _number in range(2)]

    with pytest.raises(Forbidden):
        tokens.revoke_all(world.owner, by=world.stranger)
    assert tokens.revoke_all(world.owner, by=world.admin) == 2
    assert tokens.revoke_all(world.owner, by=world.admin) == 0

    assert [tokens.person_of(plain) for plain in plains] == [None, None]


def test_two_revokers_are_told_apart(world: World) -> None:
    token, _plain = make_token(world.owner)
    stale = Token.objects.get(pk=token.pk)

    tokens.revoke(token, by=world.owner)

    with pytest.raises(Conflict):
        tokens.revoke(stale, by=world.owner)
