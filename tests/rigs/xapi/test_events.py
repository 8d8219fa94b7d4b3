"""event.from: everything once, then only what changes."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import XenAPI

from tests.rigs.xapi import XapiRig
from tests.rigs.xapi.asking import machine, refused


def asked(xapi: Any, classes: list[str], token: str = "", timeout: float = 0.2) -> dict[str, Any]:
    answer: dict[str, Any] = getattr(xapi.event, "from")(classes, token, timeout)
    return answer


def seen(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(event["class"], event["operation"], event["ref"]) for event in answer["events"]]


def test_first_all_there_is_then_nothing(xapi: Any) -> None:
    first = asked(xapi, ["VM"])
    assert {event["operation"] for event in first["events"]} <= {"add", "del"}
    refs = {event["ref"] for event in first["events"] if event["operation"] == "add"}
    assert refs == set(xapi.VM.get_all())
    assert first["valid_ref_counts"]["vm"] == len(refs)
    began = time.monotonic()
    later = asked(xapi, ["vm"], first["token"], 0.3)
    assert later["events"] == []
    assert 0.2 < time.monotonic() - began < 2


def test_changes_of_one_object_are_one_event(xapi: Any) -> None:
    vm = machine(xapi)
    token = asked(xapi, ["vm"])["token"]
    for number in range(3):
        xapi.VM.set_name_label(vm, f"named {number}")
    (event,) = asked(xapi, ["vm"], token)["events"]
    assert (event["operation"], event["ref"], event["timestamp"]) == ("mod", vm, "0.0")
    assert event["snapshot"]["name_label"] == "named 2"
    assert event["snapshot"].keys() == xapi.VM.get_record(vm).keys()


def test_what_is_gone_is_named_without_a_record(xapi: Any) -> None:
    vm = machine(xapi)
    token = asked(xapi, ["vm", "vbd"])["token"]
    (vbd,) = xapi.VM.get_VBDs(vm)
    xapi.VM.destroy(vm)
    gone = asked(xapi, ["vm", "vbd"], token)
    assert {("vm", "del", vm), ("vbd", "del", vbd)} <= set(seen(gone))
    assert all("snapshot" not in event for event in gone["events"] if event["operation"] == "del")


def test_one_object_can_be_watched(rig: XapiRig, xapi: Any) -> None:
    one, other = machine(xapi), machine(xapi)
    token = asked(xapi, [f"VM/{one}"])["token"]
    xapi.VM.set_name_label(other, "not asked for")
    assert asked(xapi, [f"vm/{one}"], token)["events"] == []
    rig.settings(start_seconds=0.3)
    task = xapi.Async.VM.start(one, False, False)
    status, token = "", ""
    while status not in {"success", "failure"}:
        answer = asked(xapi, [f"task/{task}"], token, 5)
        status, token = answer["events"][-1]["snapshot"]["status"], answer["token"]
    rig.settings(start_seconds=0)
    assert status == "success"


def test_a_change_wakes_who_waits(rig: XapiRig, xapi: Any) -> None:
    vm = machine(xapi)
    token = asked(xapi, ["vm"])["token"]

    def wait() -> tuple[float, list[tuple[str, str, str]]]:
        with rig.session() as session:
            began = time.monotonic()
            return time.monotonic() - began, seen(asked(session.xenapi, ["vm"], token, 20))

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait)
        time.sleep(0.2)
        xapi.VM.start(vm, False, False)
        assert ("vm", "mod", vm) in waiting.result(timeout=5)[1]


def test_bad_tokens_unknown_classes_and_the_old_way(xapi: Any) -> None:
    with refused("EVENT_FROM_TOKEN_PARSE_FAILURE", "nonsense"):
        asked(xapi, ["vm"], "nonsense")
    assert asked(xapi, ["no such class"])["events"] == []
    with pytest.raises(XenAPI.Failure) as caught:
        xapi.event.next()
    assert caught.value.details[0] == "SESSION_NOT_REGISTERED"


def test_a_session_that_ends_while_it_waits(rig: XapiRig, xapi: Any) -> None:
    token = asked(xapi, ["vm"])["token"]
    with rig.session() as session, ThreadPoolExecutor(1) as pool:
        ref = session._session
        waiting = pool.submit(lambda: getattr(session.event, "from")(ref, ["pool"], token, 20.0))
        rig.wait_for(lambda: rig.calls()[-1]["method"] == "event.from")
        xapi.session.logout()
        rig.tell("kill_sessions")
        assert waiting.result(timeout=5) == {"Status": "Failure", "ErrorDescription": ["SESSION_INVALID", ref]}
