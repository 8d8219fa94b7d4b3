"""Servers that misbehave when told to, what went over the wire, and a pool of thousands."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

import pytest

from tests.rigs.xapi import ROOT, XapiRig
from tests.rigs.xapi.asking import machine, refused, vdi_record
from tests.rigs.xapi.test_wire import plainly


def test_a_call_can_take_its_time(rig: XapiRig, xapi: Any) -> None:
    with rig.fault("VM.get_all", "delay", seconds=0.4, times=1):
        began = time.monotonic()
        xapi.VM.get_all()
        assert time.monotonic() - began >= 0.4
        began = time.monotonic()
        xapi.VM.get_all()
        assert time.monotonic() - began < 0.3


@pytest.mark.parametrize(("when", "done"), [("before", False), ("after", True)])
def test_a_connection_can_be_cut_before_or_after_the_work(rig: XapiRig, xapi: Any, when: str, done: bool) -> None:
    vm = machine(xapi)
    with rig.connected() as client:
        client.xenapi.login_with_password(rig.username, rig.password)
        with rig.fault("VM.start", "drop", when=when), pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            client.xenapi.VM.start(vm, False, False)
        assert rig.calls()[-1]["method"] == "VM.start"
        client.xenapi.session.logout()
    assert (xapi.VM.get_power_state(vm) == "Running") is done


def test_answers_can_be_cut_garbage_or_made_up(rig: XapiRig) -> None:
    with rig.session() as session:
        with rig.fault("pool.get_all", "cut"), pytest.raises(ExpatError):
            session.xenapi.pool.get_all()
        with rig.fault("pool.get_all", "garbage"), pytest.raises(ExpatError):
            session.xenapi.pool.get_all()
        with rig.fault("pool.*", "fail", details=["TOO_BUSY"]), refused("TOO_BUSY"):
            session.xenapi.pool.get_all()
        assert session.xenapi.pool.get_all()


def test_a_call_can_be_held_in_the_middle(rig: XapiRig, xapi: Any) -> None:
    vm = machine(xapi)
    hold = rig.fault("VM.set_*", "hold", when="after", skip=1, times=1)
    with ThreadPoolExecutor(1) as threads, hold, rig.session() as session:
        session.xenapi.VM.set_name_label(vm, "first")
        held = threads.submit(session.xenapi.VM.set_name_label, vm, "second")
        rig.wait_for(lambda: xapi.VM.get_name_label(vm) == "second")
        assert rig.tell("hits") == 1
        assert not held.done()
        rig.tell("clear_faults")
        held.result(timeout=5)


def test_a_fault_can_be_meant_for_one_client(rig: XapiRig, xapi: Any) -> None:
    with rig.fault("*", "fail", details=["TOO_BUSY"], originator="product*"):
        assert xapi.pool.get_all()
        with rig.connected() as client, refused("TOO_BUSY"):
            client.xenapi.login_with_password(rig.username, rig.password, "2.23", "product 1")
    with rig.session(originator="product 2") as session, rig.fault("*", "drop", skip=1, originator="product*"):
        assert session.xenapi.pool.get_all()
        assert rig.calls()[-1]["originator"] == "product 2"
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            session.xenapi.pool.get_all()


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_import_can_be_cut_too(rig: XapiRig, xapi: Any, when: str) -> None:
    sr = xapi.pool.get_default_SR(xapi.pool.get_all()[0])
    vdi = xapi.VDI.create(vdi_record(sr, 1 << 20))
    drop = rig.fault("PUT /import_raw_vdi", "drop", when=when)
    with rig.session() as session, plainly(rig) as connection, drop:
        connection.request("PUT", f"/import_raw_vdi?vdi={vdi}&format=raw&session_id={session._session}", b"seed")
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            connection.getresponse()
    assert rig.content(vdi) == (b"seed" if when == "after" else b"")


def test_the_server_dies_with_its_parent_even_when_frozen() -> None:
    code = (
        "import os, signal; from tests.rigs.xapi import XapiRig\n"
        "rig = XapiRig(hosts=1); rig.start(); rig.freeze(); print(rig.pid, rig.root, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    pid, root = done.stdout.split()
    shutil.rmtree(root)
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_frozen_server_holds_its_connections(rig: XapiRig) -> None:
    client = rig.client(timeout=0.5)
    with rig.frozen(), pytest.raises(TimeoutError):
        client.xenapi.login_with_password(rig.username, rig.password)
    client("close")()
    with rig.session() as session:
        assert session.xenapi.pool.get_all()


def test_calls_are_counted_with_their_sessions(rig: XapiRig) -> None:
    rig.tell("reset_log")
    with rig.session() as session:
        token = session._session
        session.xenapi.VM.get_all()
        with refused("HANDLE_INVALID", "VM", "x"):
            session.xenapi.VM.get_record("x")
    seen = [(call["method"], call["session"], call["error"]) for call in rig.calls()]
    assert seen == [
        ("session.login_with_password", "", ""),
        ("VM.get_all", token, ""),
        ("VM.get_record", token, "HANDLE_INVALID"),
        ("session.logout", token, ""),
    ]
    assert all(call["sent"] > 100 and call["received"] > 100 and call["done"] for call in rig.calls())
    assert rig.tell("counts") == {"calls": 4, "connections": 1}
    assert rig.password not in json.dumps(rig.calls())


def test_guests_live_a_life_of_their_own(rig: XapiRig, xapi: Any) -> None:
    vm = machine(xapi, "debian-12-plain", running=True)
    rig.tell("agent", vm=vm, networks={"0/ip": "198.51.100.7"})
    metrics = xapi.VM.get_guest_metrics(vm)
    assert xapi.VM_guest_metrics.get_networks(metrics) == {"0/ip": "198.51.100.7"}
    rig.tell("guest_stops", vm=vm)
    assert xapi.VM.get_power_state(vm) == "Halted"


def test_the_line_says_what_is_wrong(rig: XapiRig) -> None:
    for command in ({"do": "no such thing"}, {"do": "settings", "no_such_setting": 1}):
        with pytest.raises(RuntimeError, match="KeyError"):
            rig.tell(**command)


def usage(rig: XapiRig, session: str, **query: str) -> dict[str, Any]:
    words = "&".join(f"{name}={value}" for name, value in query.items())
    with plainly(rig) as connection:
        connection.request("GET", f"/rrd_updates?session_id={session}&json=true&{words}")
        answer = connection.getresponse()
        assert answer.status == 200
        return dict(json.loads(answer.read()))


def test_usage_figures_are_the_same_for_the_same_moment(rig: XapiRig) -> None:
    with rig.session() as session:
        xapi = session.xenapi
        vm, off = machine(xapi), machine(xapi)
        xapi.VM.start_on(vm, xapi.pool.get_master(xapi.pool.get_all()[0]), False, False)
        start = str(int(time.time()) - 60)
        first, again = (usage(rig, session._session, start=start, host="true") for _ in range(2))
        meta, uuid = first["meta"], xapi.VM.get_uuid(vm)
        assert (meta["step"], meta["rows"], meta["columns"]) == (5, len(first["data"]), len(meta["legend"]))
        assert meta["rows"] in {11, 12, 13}
        moments = [row["t"] for row in first["data"]]
        assert moments == sorted(moments, reverse=True)
        assert moments[0] == meta["end"]
        columns = dict(zip(meta["legend"], first["data"][-1]["values"], strict=True))
        assert columns[f"AVERAGE:vm:{uuid}:memory"] == float(1 << 30)
        assert 0 <= columns[f"AVERAGE:vm:{uuid}:cpu0"] <= 1
        assert not any(xapi.VM.get_uuid(off) in name for name in meta["legend"])
        assert any(name.startswith("AVERAGE:host:") for name in meta["legend"])
        rows = {row["t"]: row["values"] for row in again["data"]}
        assert all(rows[row["t"]] == row["values"] for row in first["data"] if row["t"] in rows)
        assert usage(rig, session._session, start=str(int(time.time()) - 3600))["meta"]["step"] == 60


def test_thousands_of_machines_are_no_burden() -> None:
    with XapiRig(hosts=1) as rig, rig.session() as session:
        took = rig.tell("populate", count=2000)
        assert took < 10
        before = rig.cpu_seconds()
        records = session.xenapi.VM.get_all_records()
        assert len(records) > 2000
        assert rig.cpu_seconds() - before < 1.0
        token = getattr(session.xenapi.event, "from")(["pool"], "", 1.0)["token"]
        touched = rig.tell("touch", count=100)
        changed = getattr(session.xenapi.event, "from")(["vm"], token, 1.0)["events"]
        assert sorted(event["snapshot"]["uuid"] for event in changed) == sorted(touched)
        assert int(session.xenapi.host.compute_free_memory(session.xenapi.host.get_all()[0])) > 0
        assert machine(session.xenapi, running=True)
