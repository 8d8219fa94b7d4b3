"""What a machine is told at its first start: on the order page, for whoever decides, on its page, and in the API."""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from lifecycle import clock
from lifecycle.catalog.models import Blueprint
from lifecycle.models import Request, Seed
from lifecycle.operations import seeds
from lifecycle.requests.actions import approve
from portal.copying import Table
from tests.lifecycle.factories import FINGERPRINT, SSH_KEY, make_ssh_key, public_key
from tests.lifecycle.world import World
from tests.portal.api.answers import fine, problem

ORDER, PRICE = reverse("order"), reverse("order-price")
API = "/api/v1"
USER_DATA = "#!/bin/sh\r\necho hush-hush-of-lena\r\n"
AS_KEPT = USER_DATA.replace("\r\n", "\n")
DIGEST = hashlib.sha256(AS_KEPT.encode()).hexdigest()


@pytest.fixture(autouse=True)
def plain(world: World) -> Blueprint:
    """Beside the one whose image runs cloud-init, one whose does not."""
    world.blueprint.cloud_init = True
    world.blueprint.save()
    other = Blueprint.objects.get(pk=world.blueprint.pk)
    other.pk, other.name, other.cloud_init, other.position = None, "Windows 2025", False, 5
    other.save()
    other.sizes.set(world.blueprint.sizes.all())
    return other


@pytest.fixture
def client(client: Client, world: World) -> Client:
    client.force_login(world.owner)
    return client


@pytest.fixture
def sent(world: World) -> dict[str, Any]:
    return {
        "key": uuid.uuid4().hex, "blueprint": world.blueprint.pk, "size": world.small.pk, "name": "churn-scoring",
        "purpose": "Nightly scoring", "last_day": world.day(30).isoformat(), "holder": "me", "seeded": "yes",
        "hostname": "", "more_keys": "", "user_data": "",
    }  # fmt: skip


def page_of(person: Any, name: str, pk: int) -> str:
    client = Client()
    client.force_login(person)
    answer = client.get(reverse(name, args=[pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def ticked(page: str) -> list[str]:
    boxes = re.findall(r"<input[^>]*name=\"ssh_keys\"[^>]*>", page)
    return [found[1] for box in boxes if "checked" in box and (found := re.search(r'value="(\d+)"', box))]


# The order page


def test_the_keys_of_the_account_are_chosen_already(client: Client, world: World) -> None:
    keys = [make_ssh_key(world.owner), make_ssh_key(world.owner)]
    make_ssh_key(world.stranger, "of somebody else")

    page = client.get(ORDER).content.decode()

    assert ticked(page) == [str(key.pk) for key in keys]
    assert "of somebody else" not in page


def test_whoever_has_no_key_can_paste_one(client: Client, sent: dict) -> None:
    assert b"Keys that you add to your account" in client.get(ORDER).content

    client.post(ORDER, sent | {"more_keys": f"{SSH_KEY}\r\n\r\n{public_key('desk')}\r\n"})

    assert [key.rpartition(" ")[2] for key in Request.objects.get().ssh_keys] == ["lena@laptop", "desk"]


def test_what_was_chosen_is_asked_for(client: Client, world: World, sent: dict) -> None:
    chosen, other = make_ssh_key(world.owner, key=SSH_KEY), make_ssh_key(world.owner)

    answer = client.post(ORDER, sent | {"hostname": "scoring", "ssh_keys": [chosen.pk], "user_data": USER_DATA})

    request = Request.objects.get()
    assert answer.headers["Location"] == reverse("request", args=[request.pk])
    assert (request.hostname, request.ssh_keys) == ("scoring", [SSH_KEY])
    assert other.text not in request.ssh_keys
    assert request.seed is not None
    assert request.seed.reveal_user_data() == AS_KEPT


@pytest.mark.parametrize(
    ("field", "value"),
    [("hostname", "Not One"), ("more_keys", "ssh-ed25519 nonsense"), ("user_data", "x" * 16_385), ("ssh_keys", "4711")],
)
def test_what_is_wrong_stands_at_its_field(client: Client, sent: dict, field: str, value: str) -> None:
    answer = client.post(ORDER, sent | {field: value})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert not Seed.objects.exists()


def test_keys_of_somebody_else_cannot_be_chosen(client: Client, world: World, sent: dict) -> None:
    theirs = make_ssh_key(world.stranger)

    answer = client.post(ORDER, sent | {"ssh_keys": [theirs.pk]})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["ssh_keys"])


def test_user_data_is_not_sent_back_and_the_page_says_so(client: Client, world: World, sent: dict) -> None:
    key, other = make_ssh_key(world.owner), make_ssh_key(world.owner)

    typed = {"name": "Bad Name", "hostname": "scoring", "ssh_keys": [key.pk], "user_data": USER_DATA}
    for button in ({}, {"show": "price"}):
        page = client.post(ORDER, sent | typed | button).content.decode()

        assert "hush-hush" not in page
        assert "give it again" in page
        assert 'value="scoring"' in page
        assert ticked(page) == [str(key.pk)] != [str(other.pk)]


def test_a_blueprint_that_can_be_told_nothing_does_not_ask(client: Client, plain: Blueprint, sent: dict) -> None:
    """The section comes and goes with the blueprint, and what stands in it stays while it does."""
    asked = {name: sent[name] for name in ("size", "last_day", "holder", "name")} | {"changed": "blueprint"}

    gone = client.get(PRICE, asked | {"blueprint": plain.pk, "seeded": "yes"}).content.decode()
    back = client.get(PRICE, asked | {"blueprint": sent["blueprint"]}).content.decode()
    stays = client.get(PRICE, asked | {"blueprint": sent["blueprint"], "seeded": "yes"}).content.decode()

    assert 'id="order-seed" hidden hx-swap-oob' in gone
    assert 'name="user_data"' in back
    assert "order-seed" not in stays


def test_user_data_for_such_a_blueprint_is_refused_and_keys_are_let_go(
    client: Client, world: World, plain: Blueprint, sent: dict
) -> None:
    key = make_ssh_key(world.owner)
    sent |= {"blueprint": plain.pk, "ssh_keys": [key.pk], "hostname": "scoring"}

    refused = client.post(ORDER, sent | {"user_data": USER_DATA})
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["__all__"])
    assert b"hush-hush" not in refused.content

    assert client.post(ORDER, sent).status_code == 302
    assert (Request.objects.get().hostname, Seed.objects.count()) == ("", 0)


def test_an_earlier_request_fills_in_the_host_name_and_not_the_user_data(client: Client, world: World) -> None:
    earlier = world.submit(hostname="scoring", user_data=AS_KEPT)

    page = client.get(f"{ORDER}?again={earlier.pk}").content.decode()

    assert 'value="scoring"' in page
    assert "known to nobody any more" in page


def test_the_catalogue_says_that_an_image_runs_cloud_init(client: Client, world: World, plain: Blueprint) -> None:
    client.force_login(world.admin)

    assert b"Windows guests are not covered" in client.get(reverse("blueprint", args=[plain.pk])).content


def test_administrators_say_it_on_the_page_and_in_the_api(client: Client, world: World, programs: dict) -> None:
    client.force_login(world.admin)
    place, blueprint = reverse("blueprint", args=[world.blueprint.pk]), world.blueprint
    form = {
        "name": "Debian 12", "image": blueprint.image_id, "pool": blueprint.pool_id, "sizes": [world.small.pk],
        "approval": "supervisor", "default_days": 30, "max_days": 90, "grace_days": 7, "restore_days": 7,
        "warn_days": "7, 1", "position": 0, "offered": "on",
    }  # fmt: skip

    assert client.post(place, form).status_code == 302
    blueprint.refresh_from_db()
    assert not blueprint.cloud_init

    said = fine(programs["admin"].patch(f"{API}/blueprints/{blueprint.pk}/", {"cloud_init": True}))
    assert (said["cloud_init"], said["takes_seed"]) == (True, True)
    problem(programs["owner"].patch(f"{API}/blueprints/{blueprint.pk}/", {"cloud_init": False}), 403)


def test_a_copied_database_has_it_as_cipher_text(world: World) -> None:
    world.submit(user_data=AS_KEPT)

    (row,) = Table(Seed, "default").read()

    assert any(str(value).startswith("gAAAA") for value in row)
    assert "hush-hush" not in str(row)


# Whoever decides, and the machine's page


def test_whoever_decides_sees_how_much_there_is_and_its_digest(world: World) -> None:
    asked = world.submit(hostname="scoring", ssh_keys=[SSH_KEY], user_data=AS_KEPT)

    for person, name in ((world.approver, "approval"), (world.admin, "approval"), (world.owner, "request")):
        page = page_of(person, name, asked.pk)
        assert [words for words in ("scoring", FINGERPRINT, "2 lines", DIGEST) if words not in page] == []
        assert f"{len(AS_KEPT)} bytes" in page
        assert "hush-hush" not in page


def test_strangers_see_nothing_of_it(world: World) -> None:
    asked = world.submit(user_data=AS_KEPT)
    client = Client()
    client.force_login(world.stranger)

    assert client.get(reverse("request", args=[asked.pk])).status_code == 404
    assert client.get(reverse("approval", args=[asked.pk])).status_code == 404


def test_the_machine_says_what_it_was_told_and_until_when_it_can_read_it(world: World) -> None:
    machine = world.machine(hostname="scoring", ssh_keys=[SSH_KEY], user_data=AS_KEPT)

    page = page_of(world.owner, "machine", machine.pk)
    assert [words for words in ("scoring", FINGERPRINT, "2 lines, given") if words not in page] == []
    assert re.search(r"Still attached until \d\d:\d\d\.", page)
    assert DIGEST not in page

    clock.move_to(clock.now() + timedelta(minutes=16))
    seeds.detach_due()
    assert "Being taken away." in page_of(world.owner, "machine", machine.pk)

    world.work_off()
    page = page_of(world.owner, "machine", machine.pk)
    assert "Taken away after its first start, and forgotten." in page and "2 lines, given" in page
    assert DIGEST not in page_of(world.owner, "request", Request.objects.get().pk)


def test_a_machine_that_was_told_nothing_says_nothing(world: World, plain: Blueprint) -> None:
    machine = world.machine(blueprint=plain)

    assert "First start" not in page_of(world.owner, "machine", machine.pk)


# Programs


@pytest.fixture
def programs(world: World) -> dict[str, APIClient]:
    found = {}
    for role in ("owner", "teammate", "stranger", "approver", "admin"):
        found[role] = APIClient(raise_request_exception=False)
        found[role].force_login(getattr(world, role))
    return found


@pytest.fixture
def body(world: World) -> dict[str, Any]:
    return {
        "blueprint": world.blueprint.pk, "size": world.small.pk, "name": "churn-scoring", "purpose": "Nightly scoring",
        "last_day": str(world.day(30)),
    }  # fmt: skip


def test_programs_ask_for_it_and_never_read_it_again(world: World, programs: dict, body: dict) -> None:
    told = {"hostname": "scoring", "ssh_keys": [SSH_KEY], "user_data": AS_KEPT}

    answers = [
        programs["owner"].post(f"{API}/requests/", body | told, headers={"Idempotency-Key": "once"})
        for _twice in range(2)
    ]

    made = fine(answers[0], 201)
    assert [answer.json()["id"] for answer in answers] == [made["id"]] * 2
    assert (made["hostname"], made["ssh_keys"]) == (
        "scoring", [{"comment": "lena@laptop", "fingerprint": FINGERPRINT}],
    )  # fmt: skip
    assert made["user_data"] == {"bytes": len(AS_KEPT), "lines": 2, "sha256": DIGEST}
    assert "hush-hush" not in answers[0].content.decode()


def test_left_out_they_are_the_name_and_the_keys_of_the_account(world: World, programs: dict, body: dict) -> None:
    make_ssh_key(world.owner, key=SSH_KEY)

    made = fine(programs["owner"].post(f"{API}/requests/", body), 201)

    assert (made["hostname"], made["ssh_keys"][0]["fingerprint"], made["user_data"]) == (
        "churn-scoring", FINGERPRINT, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"hostname": "Not One"}, "hostname"),
        ({"ssh_keys": ["hush-hush"]}, "ssh_keys"),
        ({"ssh_keys": SSH_KEY}, "ssh_keys"),
        ({"user_data": "hush-hush" * 2000}, "user_data"),
        ({"user_data": {"is": "hush-hush"}}, "user_data"),
    ],
)
def test_what_is_wrong_is_named_and_not_repeated(programs: dict, body: dict, given: dict, field: str) -> None:
    answer = programs["owner"].post(f"{API}/requests/", body | given)

    assert field in problem(answer, 422)["errors"]
    assert b"hush-hush" not in answer.content


def test_a_blueprint_says_whether_it_can_be_told(programs: dict, body: dict, plain: Blueprint) -> None:
    told = {row["name"]: row["takes_seed"] for row in fine(programs["owner"].get(f"{API}/blueprints/"))["results"]}
    assert told == {"Debian 12": True, "Windows 2025": False}

    refused = problem(programs["owner"].post(f"{API}/requests/", body | {"blueprint": plain.pk, "user_data": "x"}), 422)
    assert list(refused["errors"]) == ["user_data"]


def test_the_seed_of_a_machine_is_read_by_whoever_sees_the_machine(world: World, programs: dict) -> None:
    machine = world.machine(ssh_keys=[SSH_KEY], user_data=AS_KEPT)
    place = f"{API}/machines/{machine.pk}/seed/"

    told = fine(programs["owner"].get(place))
    assert (told["hostname"], told["attached"], told["user_data"]["lines"]) == ("churn-scoring", True, 2)
    assert told["detach_at"]
    for role in ("approver", "admin"):
        assert fine(programs[role].get(place)) == told
    for role in ("teammate", "stranger"):
        problem(programs[role].get(place), 404)

    clock.move_to(clock.now() + timedelta(minutes=16))
    seeds.detach_due()
    world.work_off()
    told = fine(programs["owner"].get(place))
    assert (told["attached"], told["detach_at"], told["user_data"]["sha256"]) == (False, None, None)


def test_a_machine_that_was_told_nothing_has_no_seed(world: World, programs: dict, plain: Blueprint) -> None:
    machine = world.machine(blueprint=plain)

    problem(programs["owner"].get(f"{API}/machines/{machine.pk}/seed/"), 404)


def test_an_approval_of_what_cannot_be_told_any_more_is_a_conflict(world: World, programs: dict) -> None:
    asked = world.submit(user_data=AS_KEPT)
    Blueprint.objects.update(cloud_init=False)

    problem(programs["approver"].post(f"{API}/requests/{asked.pk}/approve/", {}), 409)

    assert Request.objects.get().state == "waiting"


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_of_requests_asks_as_often_for_three_seeds_as_for_one(
    world: World, programs: dict, count: int, django_assert_num_queries: Any
) -> None:
    for number in range(count):
        approve(world.submit(f"told-{number}", ssh_keys=[SSH_KEY], user_data=AS_KEPT), by=world.approver)

    with django_assert_num_queries(6):
        fine(programs["owner"].get(f"{API}/requests/"))
