"""The tests' own line to the server: one JSON object per line over a Unix socket. No part of XAPI."""

from __future__ import annotations

import base64
import contextlib
import json
import socketserver
import time
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from tests.rigs.xapi import estate, placement, power, sessions, storage, tasks
from tests.rigs.xapi.context import Account, Settings
from tests.rigs.xapi.database import Obj
from tests.rigs.xapi.server import Site

Command = Callable[..., Any]
COMMANDS: dict[str, Command] = {}


def command(function: Command) -> Command:
    COMMANDS[function.__name__] = function
    return function


def listen(site: Site, path: Path) -> None:
    class Line(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                with contextlib.suppress(OSError):
                    self.wfile.write(json.dumps(obeyed(site, line)).encode() + b"\n")

    class Lines(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

    Thread(target=Lines(str(path), Line).serve_forever, daemon=True).start()


def obeyed(site: Site, line: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(line)
        return {"ok": COMMANDS[asked.pop("do")](site, **asked)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _object(site: Site, cls: str, name: str) -> Obj:
    """By ref, uuid or name."""
    db = site.pool.db
    found = db.find(cls, name) or db.by_uuid.get((cls, name))
    return found or next(obj for obj in db.all(cls) if obj.fields.get("name_label") == name)


@command
def ping(site: Site) -> str:
    return "pong"


@command
def settings(site: Site, **given: Any) -> dict[str, Any]:
    """Changes those that are named; answers with all."""
    known = {field.name for field in fields(Settings)}
    for name, value in given.items():
        if name not in known:
            raise KeyError(name)
        setattr(site.pool.settings, name, value)
    with site.pool.db.changed:
        site.pool.db.changed.notify_all()
    values = {name: getattr(site.pool.settings, name) for name in known}
    return {name: value for name, value in values.items() if not is_dataclass(value) and name != "accounts"}


@command
def account(site: Site, name: str, password: str, role: str = "pool-admin") -> None:
    site.pool.settings.accounts[name] = Account(password, role)


@command
def fault(site: Site, **given: Any) -> None:
    site.faults.add(**given)


@command
def clear_faults(site: Site) -> None:
    site.faults.clear()


@command
def hits(site: Site) -> int:
    return site.faults.hits()


@command
def log(site: Site, since: int = 0) -> list[dict[str, Any]]:
    return site.log.plain(since)


@command
def counts(site: Site) -> dict[str, int]:
    return {"calls": site.log.count, "connections": site.log.connections}


@command
def reset_log(site: Site) -> None:
    site.log.reset()


@command
def kill_sessions(site: Site) -> int:
    with site.pool.db.changed:
        return sessions.kill_all(site.pool)


@command
def collect_tasks(site: Site) -> int:
    """Throws away every task that has finished."""
    with site.pool.db.changed:
        return tasks.collect(site.pool, everything=True)


@command
def restart(site: Site, seconds: float = 0.0) -> None:
    """What `xe-toolstack-restart` does: sessions and connections are gone, work is broken off, guests run on."""
    site.close()
    with site.pool.db.changed:
        sessions.kill_all(site.pool)
        tasks.interrupt(site.pool)
        site.pool.db.changed.notify_all()
    time.sleep(seconds)
    site.open()


@command
def leave(site: Site) -> None:
    """Nobody listens and every connection is cut, until `come_back`; sessions and work go on."""
    site.close()


@command
def come_back(site: Site) -> None:
    site.open()


@command
def populate(site: Site, count: int, **how: Any) -> float:
    """Answers with the seconds it took."""
    began = time.monotonic()
    with site.pool.db.changed:
        estate.populate(site.pool, count, **how)
    return time.monotonic() - began


@command
def touch(site: Site, count: int, prefix: str = "touched") -> list[str]:
    """Changes that many machines a little, as an administrator would; answers with their uuids."""
    db = site.pool.db
    with db.changed:
        chosen = [vm for vm in db.all("VM") if not vm["is_a_template"] and not vm["is_control_domain"]][:count]
        for number, vm in enumerate(chosen):
            db.set(vm, name_description=f"{prefix} {number}")
        return [vm.uuid for vm in chosen]


@command
def guest(site: Site, vm: str, behaviour: str | None = None, holds_devices: bool | None = None) -> None:
    """How the guest of a machine or image behaves: agent, plain, deaf or stuck; whether it lets go of devices."""
    with site.pool.db.changed:
        machine = _object(site, "VM", vm)
        if behaviour is not None:
            machine.hidden["guest"] = behaviour
        if holds_devices is not None:
            machine.hidden["holds_devices"] = holds_devices


@command
def guest_stops(site: Site, vm: str) -> None:
    """Somebody typed `poweroff` in it."""
    with site.pool.db.changed:
        power.stop(site.pool, _object(site, "VM", vm))


@command
def agent(site: Site, vm: str, networks: dict[str, str] | None = None) -> None:
    """The guest's agent reports, late or again."""
    with site.pool.db.changed:
        machine = _object(site, "VM", vm)
        power.report(site.pool, machine)
        if networks is not None:
            metrics = site.pool.db.get("VM_guest_metrics", machine["guest_metrics"])
            site.pool.db.set(metrics, networks=networks)


@command
def set_fields(site: Site, cls: str, name: str, fields: dict[str, Any]) -> None:
    """Writes fields that no client may write: hostile names, memory of host_metrics, sizes of an SR."""
    with site.pool.db.changed:
        site.pool.db.set(_object(site, cls, name), **fields)


@command
def set_host_free(site: Site, host: str, free: int) -> None:
    """Gives a host just so much memory that this many bytes are free."""
    db = site.pool.db
    with db.changed:
        there = _object(site, "host", host)
        metrics = db.get("host_metrics", there["metrics"])
        total = metrics["memory_total"] + free - placement.free_memory(db, there)
        db.set(metrics, memory_total=total)


@command
def set_sr_free(site: Site, sr: str, free: int) -> None:
    """Makes an SR just so large that this many bytes are free, and its figures true."""
    db = site.pool.db
    with db.changed:
        store = _object(site, "SR", sr)
        db.set(store, physical_size=storage.used(db, store) + free)
        storage.refresh(db, store)


@command
def set_resize_online(site: Site, sr: str, on: bool) -> None:
    _object(site, "SR", sr).hidden["resize_online"] = on


@command
def isolate(site: Site, network: str, hosts: list[str]) -> None:
    """From now on those hosts cannot attach the network."""
    refs = {_object(site, "host", host).ref for host in hosts}
    site.pool.out_of_reach[_object(site, "network", network).ref] = refs


@command
def content(site: Site, vdi: str, length: int = 65536) -> str:
    """The first bytes of a disk, in base64."""
    kept: bytes = _object(site, "VDI", vdi).hidden["content"]
    return base64.b64encode(kept[:length]).decode()
