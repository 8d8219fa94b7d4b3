"""The wire itself: kinds of values, wrong arguments, the generic accessors, keep-alive, and the pages that say no."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.rigs.xapi import XapiRig
from tests.rigs.xapi.asking import machine, refused, vdi_record


@contextmanager
def plainly(rig: XapiRig) -> Iterator[http.client.HTTPSConnection]:
    context = ssl.create_default_context(cadata=rig.ca_pem)
    connection = http.client.HTTPSConnection(rig.address, rig.port, context=context, timeout=10)
    try:
        yield connection
    finally:
        connection.close()


def posted(connection: http.client.HTTPSConnection, path: str, body: str) -> tuple[http.client.HTTPResponse, str]:
    connection.request("POST", path, body, {"Content-Type": "text/xml"})
    answer = connection.getresponse()
    return answer, answer.read().decode()


CALL = "<?xml version='1.0'?><methodCall><methodName>{}</methodName><params>{}</params></methodCall>"


def called(method: str, *values: str) -> str:
    return CALL.format(method, "".join(f"<param><value>{value}</value></param>" for value in values))


def test_ints_are_digits_in_text_and_dates_have_no_dashes(rig: XapiRig) -> None:
    with rig.session() as session, plainly(rig) as connection:
        vm = session.xenapi.VM.get_by_name_label("debian-12")[0]
        _, text = posted(connection, "/", called("VM.get_record", session._session, vm))
    assert "<name>VCPUs_max</name><value>1</value>" in text
    assert "<name>memory_static_max</name><value>1073741824</value>" in text
    assert "<name>snapshot_time</name><value><dateTime.iso8601>19700101T00:00:00Z</dateTime.iso8601></value>" in text
    assert "<name>is_a_template</name><value><boolean>1</boolean></value>" in text
    assert "<i4>" not in text
    assert "<int>" not in text


def test_any_path_will_do_and_the_connection_stays(rig: XapiRig) -> None:
    rig.tell("reset_log")
    with plainly(rig) as connection:
        for path in ("/", "/RPC2", "/anything"):
            answer, text = posted(connection, path, called("VM.get_all", "OpaqueRef:no"))
            assert (answer.status, answer.getheader("content-type")) == (200, "text/xml")
            assert answer.getheader("connection") == "keep-alive"
            assert "SESSION_INVALID" in text
    assert rig.tell("counts")["connections"] == 1


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x", "S(x)"),
        (0, "I(0)"),
        (None, "N"),
        (1.5, "F(1.5)"),
        (["a", 1], "[S(a);I(1)]"),
    ],
)
def test_wrong_kinds_are_named(xapi: Any, rig: XapiRig, value: Any, shown: str) -> None:
    with refused("INTERNAL_ERROR", f"Failure(\"Expected bool, got '{shown}'\")"):
        xapi.VM.start(rig.image(), value, False)


def test_arguments_are_counted_without_the_session(xapi: Any, rig: XapiRig) -> None:
    with refused("MESSAGE_PARAMETER_COUNT_MISMATCH", "VM.start", "3", "1"):
        xapi.VM.start(rig.image())
    with refused("MESSAGE_PARAMETER_COUNT_MISMATCH", "VM.get_all", "0", "1"):
        xapi.VM.get_all("x")
    with refused("MESSAGE_METHOD_UNKNOWN", "VM.fly"):
        xapi.VM.fly()


def test_ints_may_come_as_ints_but_must_be_numbers(xapi: Any) -> None:
    vm = machine(xapi)
    xapi.VM.set_VCPUs_max(vm, 3)
    assert xapi.VM.get_VCPUs_max(vm) == "3"
    with refused("INTERNAL_ERROR", 'Failure("Int64.of_string")'):
        xapi.VM.set_VCPUs_max(vm, "many")


def test_unknown_refs_uuids_and_words(xapi: Any) -> None:
    with refused("HANDLE_INVALID", "VM", "OpaqueRef:NULL"):
        xapi.VM.get_record("OpaqueRef:NULL")
    with refused("UUID_INVALID", "VM", "nothing"):
        xapi.VM.get_by_uuid("nothing")
    with refused("INTERNAL_ERROR", 'Failure("Unknown tag/contents")'):
        sr = xapi.pool.get_default_SR(xapi.pool.get_all()[0])
        xapi.VDI.create(vdi_record(sr, 1, type="nosuch"))
    with refused("INTERNAL_ERROR", 'Server_helpers.Dispatcher_FieldNotFound("user_version")'):
        xapi.VM.create({"name_label": "x"})


def test_what_a_client_may_write(xapi: Any) -> None:
    vm = machine(xapi)
    xapi.VM.add_to_other_config(vm, "k", "v")
    with refused("MAP_DUPLICATE_KEY", "VM", "other_config", vm, "k"):
        xapi.VM.add_to_other_config(vm, "k", "w")
    xapi.VM.remove_from_other_config(vm, "k")
    xapi.VM.remove_from_other_config(vm, "k")
    xapi.VM.add_tags(vm, "one")
    xapi.VM.add_tags(vm, "one")
    assert xapi.VM.get_tags(vm) == ["one"]
    xapi.VM.remove_tags(vm, "one")
    assert xapi.VM.get_tags(vm) == []
    for method in ("set_power_state", "set_uuid", "set_metrics"):
        with refused("MESSAGE_METHOD_UNKNOWN", f"VM.{method}"):
            getattr(xapi.VM, method)(vm, "x")


def test_hostile_names_come_back_as_they_went(xapi: Any) -> None:
    vm = machine(xapi)
    for name in ("<script>&amp;]]>\"'", "ß \U0001f4a3 \u202e", "a" * 5000, ""):
        xapi.VM.set_name_label(vm, name)
        assert xapi.VM.get_record(vm)["name_label"] == name


def test_what_the_server_cannot_do_it_says(xapi: Any) -> None:
    with refused("NOT_IMPLEMENTED", "host.get_data_sources"):
        xapi.host.get_data_sources(xapi.host.get_all()[0])


def test_json_knows_the_same_session(rig: XapiRig) -> None:
    with rig.session() as session, plainly(rig) as connection:
        token = session._session

        def ask(method: str, *params: Any) -> Any:
            asked = {"jsonrpc": "2.0", "id": 7, "method": method, "params": [token, *params]}
            return json.loads(posted(connection, "/jsonrpc", json.dumps(asked))[1])

        records = ask("VM.get_all_records")["result"]
        assert len(records) == len(session.xenapi.VM.get_all())
        assert {type(record["VCPUs_max"]) for record in records.values()} == {int}
        events = ask("event.from", ["pool"], "", 1.0)["result"]
        assert [event["snapshot"]["name_label"] for event in events["events"]] == ["rig"]
        assert ask("VM.get_uuid", "x")["error"] == {"code": 1, "message": "HANDLE_INVALID", "data": ["VM", "x"]}
        _, text = posted(connection, "/jsonrpc", '{"method": 3')
        assert text.startswith("<html><body><h1>HTTP 500")
