"""What a machine is told at its first start: asked for, kept sealed, brought to the guest, taken away, forgotten."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection

from lifecycle import clock
from lifecycle.audit.models import Entry
from lifecycle.errors import Conflict, InvalidMany
from lifecycle.estate.models import Endpoint, Machine, Seed
from lifecycle.estate.sync import sync
from lifecycle.notices.models import Notice
from lifecycle.operations import actions as operations
from lifecycle.operations import power, seeds
from lifecycle.operations.models import Operation
from lifecycle.requests import actions as requests
from lifecycle.requests.models import Request
from tests.lifecycle.factories import SSH_KEY, make_ssh_key, public_key
from tests.lifecycle.world import World

USER_DATA = "#cloud-config\nruncmd:\n  - echo hush-hush-of-lena > /etc/key\n"
KEPT = timedelta(minutes=15)
LATER = KEPT + timedelta(seconds=1)


@pytest.fixture(autouse=True)
def told(world: World) -> None:
    """Its image runs cloud-init."""
    world.blueprint.cloud_init = True
    world.blueprint.save()


def native_seed(world: World) -> dict[str, Any]:
    """What the guest can read."""
    (machine,) = world.native()
    return dict(json.loads(machine["seed"])) if machine["seed"] else {}


def detaching() -> Operation:
    return Operation.objects.get(kind=Operation.Kind.DETACH_SEED)


def pass_by(world: World, time: timedelta = LATER) -> None:
    """Time goes by, and the clock's duty is done; nobody works."""
    clock.move_to(clock.now() + time)
    seeds.detach_due()


# Asking


def test_the_guest_is_told_what_was_asked_for(world: World) -> None:
    machine = world.machine(hostname="scoring", ssh_keys=[SSH_KEY], user_data=USER_DATA)

    assert native_seed(world) == {"hostname": "scoring", "ssh_keys": [SSH_KEY], "user_data": USER_DATA}
    request = Request.objects.get(machine=machine)
    assert (request.hostname, request.ssh_keys) == ("scoring", [SSH_KEY])
    assert (request.user_data_lines, request.user_data_bytes) == (3, len(USER_DATA))
    assert request.seed is not None
    assert request.seed.sha256 == hashlib.sha256(USER_DATA.encode()).hexdigest()


def test_without_a_word_it_is_its_name_and_the_keys_of_the_account(world: World) -> None:
    first, second = make_ssh_key(world.owner), make_ssh_key(world.owner)

    world.machine()

    assert native_seed(world) == {
        "hostname": "churn-scoring", "ssh_keys": [first.text, second.text], "user_data": "",
    }  # fmt: skip


def test_no_keys_are_no_keys(world: World) -> None:
    make_ssh_key(world.owner)

    world.machine(ssh_keys=[])

    assert native_seed(world)["ssh_keys"] == []


def test_the_same_key_twice_is_one(world: World) -> None:
    world.machine(ssh_keys=[SSH_KEY, SSH_KEY.replace("laptop", "desk")])

    assert len(native_seed(world)["ssh_keys"]) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"hostname": "Big"}, "hostname"),
        ({"hostname": "a.b"}, "hostname"),
        ({"hostname": "x" * 64}, "hostname"),
        ({"ssh_keys": ["ssh-ed25519 AAAA"]}, "ssh_keys"),
        ({"ssh_keys": [f"{SSH_KEY}\nssh-rsa x"]}, "ssh_keys"),
        ({"ssh_keys": [public_key() for _number in range(51)]}, "ssh_keys"),
        ({"user_data": "x" * 16_385}, "user_data"),
        ({"user_data": "ü" * 8_193}, "user_data"),
    ],
)
def test_what_no_guest_can_be_told_is_refused_and_not_kept(world: World, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidMany) as refused:
        world.submit(**changes)

    assert list(refused.value.problems) == [field]
    assert (Request.objects.count(), Seed.objects.count()) == (0, 0)


@pytest.mark.parametrize("given", [{"hostname": "scoring"}, {"ssh_keys": [SSH_KEY]}, {"user_data": USER_DATA}])
def test_a_machine_that_can_be_told_nothing_is_told_nothing(world: World, given: dict[str, Any]) -> None:
    world.blueprint.cloud_init = False
    make_ssh_key(world.owner)

    with pytest.raises(InvalidMany) as refused:
        world.submit(**given)
    world.machine()

    assert list(refused.value.problems) == list(given)
    assert native_seed(world) == {}
    assert (Request.objects.get().hostname, Seed.objects.count()) == ("", 0)


def test_two_submissions_keep_one_seed(world: World) -> None:
    for _twice in range(2):
        world.submit(key="the same", user_data=USER_DATA)

    assert Seed.objects.count() == 1


def test_a_blueprint_that_takes_it_no_more_is_a_conflict_and_not_a_machine_that_nobody_can_sign_in_to(
    world: World,
) -> None:
    request = world.submit(user_data=USER_DATA)
    world.blueprint.cloud_init = False
    world.blueprint.save()
    request = Request.objects.get(pk=request.pk)

    with pytest.raises(Conflict):
        requests.approve(request, by=world.approver)

    assert not Machine.objects.exists()


# What is kept


def test_the_text_stands_nowhere_but_sealed(world: World) -> None:
    world.machine(ssh_keys=[SSH_KEY], user_data=USER_DATA)

    with connection.cursor() as cursor:
        cursor.execute("SELECT user_data FROM lifecycle_seed")
        assert cursor.fetchone()[0].startswith("gAAAA")
    kept = [str(list(model.objects.values())) for model in (Entry, Notice, Operation, Request)]
    assert [text for text in kept if "hush-hush" in text] == []


def test_a_new_key_covers_it_and_the_machine_is_still_made(world: World, settings: Any) -> None:
    request = world.submit(user_data=USER_DATA)
    settings.SECRETS_KEYS = [Fernet.generate_key().decode(), *settings.SECRETS_KEYS]

    call_command("rotate_keys")
    settings.SECRETS_KEYS = settings.SECRETS_KEYS[:1]
    requests.approve(request, by=world.approver)
    world.work_off()

    assert native_seed(world)["user_data"] == USER_DATA
    assert Entry.objects.filter(verb="seed.key_rotated").count() == 1


def test_a_lost_key_ends_the_order_and_leaves_nothing(world: World, settings: Any) -> None:
    request = world.submit(user_data=USER_DATA)
    settings.SECRETS_KEYS = [Fernet.generate_key().decode()]

    requests.approve(request, by=world.approver)
    world.work_off()

    request.refresh_from_db()
    assert (request.state, "cannot be read any more" in request.failure) == ("failed", True)
    assert (world.native(), Seed.objects.count()) == ([], 0)


@pytest.mark.parametrize("how", ["refused", "withdrawn", "lapsed"])
def test_it_is_forgotten_with_a_request_that_ends(world: World, how: str) -> None:
    request = world.submit(user_data=USER_DATA)
    if how == "refused":
        requests.refuse(request, by=world.approver, comment="Not now")
    elif how == "withdrawn":
        requests.cancel(request, by=world.owner)
    else:
        clock.move_to(request.lapses_at)
        requests.lapse()

    request.refresh_from_db()
    assert (request.state not in Request.OPEN, request.seed, request.user_data_lines) == (True, None, 3)
    assert not Seed.objects.exists()


def test_it_is_forgotten_when_what_is_built_is_taken_back(world: World) -> None:
    request = world.submit(user_data=USER_DATA)
    requests.approve(request, by=world.approver)

    requests.cancel(request, by=world.owner)
    assert Seed.objects.count() == 1
    world.work_off()

    assert (world.native(), Seed.objects.count()) == ([], 0)


# Taking it away


def test_it_is_taken_away_once_the_machine_ran_for_a_while(world: World) -> None:
    machine = world.machine(user_data=USER_DATA)
    pass_by(world, KEPT - timedelta(minutes=1))
    assert not Operation.objects.filter(kind=Operation.Kind.DETACH_SEED).exists()

    for _twice in range(2):
        pass_by(world, timedelta(minutes=2))
    world.work_off()

    assert detaching().state == "succeeded"
    assert (native_seed(world), Seed.objects.count()) == ({}, 0)
    assert world.native()[0]["power"] == "on"
    assert Entry.objects.filter(verb="machine.seed_detached", object_id=machine.pk).count() == 1


def test_a_machine_without_user_data_has_its_keys_taken_away_too(world: World) -> None:
    world.machine(ssh_keys=[SSH_KEY])

    pass_by(world)
    world.work_off()

    assert native_seed(world) == {}


def test_how_long_it_is_kept_is_a_setting(world: World, settings: Any) -> None:
    settings.SEED_KEPT_MINUTES = 60
    world.machine()

    pass_by(world)

    assert not Operation.objects.filter(kind=Operation.Kind.DETACH_SEED).exists()


def test_what_is_switched_off_in_between_gets_its_time_anew(world: World) -> None:
    machine = world.machine()
    power.shut_down(machine, by=world.owner)
    world.work_off()
    pass_by(world)
    assert not Operation.objects.filter(kind=Operation.Kind.DETACH_SEED).exists()

    machine.refresh_from_db()
    power.start(machine, by=world.owner)
    world.work_off()
    pass_by(world, timedelta(minutes=1))
    assert not Operation.objects.filter(kind=Operation.Kind.DETACH_SEED).exists()

    pass_by(world)
    assert detaching().state == "waiting"


def test_what_is_hardly_ever_switched_on_loses_it_after_a_day(world: World) -> None:
    machine = world.machine(user_data=USER_DATA)
    power.shut_down(machine, by=world.owner)
    world.work_off()

    pass_by(world, timedelta(days=1, minutes=1))
    pass_by(world, timedelta(minutes=1))
    world.work_off()

    assert (native_seed(world), Seed.objects.count()) == ({}, 0)
    assert world.native()[0]["power"] == "off"


def test_a_restart_does_not_wait_for_it_nor_it_for_a_restart(world: World) -> None:
    machine = world.machine()
    pass_by(world)
    machine.refresh_from_db()

    asked = power.restart(machine, by=world.owner)
    world.work_off()

    asked.refresh_from_db()
    assert (asked.state, detaching().state) == ("succeeded", "succeeded")


def test_only_observed_it_waits_and_is_taken_away_afterwards(world: World) -> None:
    world.machine(user_data=USER_DATA)
    Endpoint.objects.update(mode=Endpoint.Mode.OBSERVE)
    pass_by(world)
    world.work_off()
    assert (detaching().state, native_seed(world)["user_data"]) == ("waiting", USER_DATA)

    Endpoint.objects.update(mode=Endpoint.Mode.MANAGE)
    Operation.objects.update(waits_for="")
    world.work_off()

    assert native_seed(world) == {}


def test_what_fails_is_tried_again_later_and_administrators_hear_of_it_once(world: World) -> None:
    world.machine(user_data=USER_DATA)
    world.dc.add_fault("put_seed", "denied", count=100)

    for _twice in range(2):
        pass_by(world, timedelta(hours=1, minutes=1))
        world.work_off()
        pass_by(world, timedelta(minutes=30))

    assert list(Operation.objects.filter(kind="detach_seed").values_list("state", flat=True)) == ["failed", "failed"]
    assert Notice.objects.filter(kind="seed_stays").values_list("recipient__username", flat=True).get() == "ingrid"
    assert Seed.objects.get().tries == 2

    world.dc.clear_faults()
    pass_by(world, timedelta(hours=1))
    world.work_off()

    assert (native_seed(world), Seed.objects.count()) == ({}, 0)


def test_called_off_it_is_tried_again_later(world: World) -> None:
    world.machine(user_data=USER_DATA)
    pass_by(world)
    operations.cancel(detaching(), by=world.admin, reason="Not now")
    world.work_off()
    assert Seed.objects.get().ordered_at is None

    pass_by(world, timedelta(hours=1, minutes=1))
    world.work_off()

    assert native_seed(world) == {}


def test_a_machine_that_is_gone_there_needs_nothing_taken_away(world: World) -> None:
    world.machine(user_data=USER_DATA)
    (native,) = world.native()
    world.dc.delete_by_hand(native["ref"])

    pass_by(world)
    world.work_off()

    assert (detaching().state, Seed.objects.count()) == ("succeeded", 0)


def test_it_is_forgotten_with_the_machine(world: World, settings: Any) -> None:
    settings.SEED_KEPT_MINUTES = 10**6
    machine = world.machine(user_data=USER_DATA)
    Seed.objects.update(started_at=clock.now() + timedelta(days=365))  # so that no day is over
    world.move_to(machine.lease.ends_at - timedelta(days=2))
    world.move_to(machine.lease.ends_at)
    machine.lease.refresh_from_db()
    assert machine.lease.remove_at is not None
    assert Seed.objects.count() == 1

    clock.move_to(machine.lease.remove_at)
    sync(world.endpoint)
    world.tick()

    machine.refresh_from_db()
    assert (machine.stage, Seed.objects.count()) == ("removed", 0)


def test_the_duty_asks_as_often_for_three_as_for_one(world: World, django_assert_num_queries: Any) -> None:
    world.machine("one")
    with django_assert_num_queries(6):
        seeds.detach_due()
    world.machine("two")
    world.machine("three")
    with django_assert_num_queries(6):
        seeds.detach_due()
