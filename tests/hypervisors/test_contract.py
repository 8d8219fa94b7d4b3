"""The contract itself: capabilities, what orders need, and the guard before every order."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypervisors.conformance import PROMISES, gaps
from hypervisors.contract import MEANINGS, NEEDS, Capabilities, CreateMachine, Order, Seed, mac_of

NEEDED_BY_ALL = {"PowerOn", "PowerOff", "Shutdown", "Restart", "Reset", "Annotate", "RemoveMachine", "CreateMachine"}


def test_each_capability_has_a_meaning() -> None:
    assert [field.name for field in fields(Capabilities)] == list(MEANINGS)


def test_each_order_needs_a_capability_or_is_everybodys() -> None:
    others = {order.__name__ for order in get_args(Order)} - {order.__name__ for order in NEEDS}

    assert others == NEEDED_BY_ALL
    assert set(NEEDS.values()) <= set(MEANINGS)


def test_each_capability_is_promised_something() -> None:
    """What nobody asks for is not proven either. How far copying is can be seen only where it takes time."""
    asked = {need for promise in PROMISES.values() for need in promise.needs}

    assert set(MEANINGS) - asked == {"guest_shutdown", "progress", "cpu_usage"}


def test_gaps_follow_from_what_is_lacking() -> None:
    everything = Capabilities(**dict.fromkeys(MEANINGS, True))
    without = Capabilities(**dict.fromkeys(MEANINGS, True) | {"snapshots": False})

    assert gaps(everything, {}) == {}
    assert set(gaps(without, {})) == {one.number for one in PROMISES.values() if "snapshots" in one.needs}
    assert all(MEANINGS["snapshots"] in reason for reason in gaps(without, {}).values())


def test_gaps_may_be_declared() -> None:
    assert gaps(Capabilities(**dict.fromkeys(MEANINGS, True)), {1: "Because."}) == {1: "Because."}


def test_order_shows_no_user_data() -> None:
    seed = next(field for field in fields(CreateMachine) if field.name == "seed")

    assert not seed.repr
    assert "hunter2" not in repr(Seed("web-01", (), "hunter2"))


@given(st.text(max_size=64))
def test_mac_follows_from_the_key_and_is_locally_administered(key: str) -> None:
    assert mac_of(key) == mac_of(key)
    assert re.fullmatch(r"02(:[0-9a-f]{2}){5}", mac_of(key))


def test_macs_of_keys_differ() -> None:
    assert len({mac_of(f"op-{number}") for number in range(10_000)}) == 10_000


@pytest.mark.parametrize("promise", PROMISES.values(), ids=str)
def test_promise_has_a_sentence_and_a_number_of_its_own(promise: object) -> None:
    assert str(promise)[:3].isdigit() and PROMISES[int(str(promise)[:3])] is promise
