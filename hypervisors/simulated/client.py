"""Speaks to the data centre: each method is one call over the wire, with its delay, its faults and its log row."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hypervisors.simulated import faults, machines, placement, tasks
from hypervisors.simulated.settings import get
from hypervisors.simulated.storage import Storage
from hypervisors.simulated.usage import cpu_percent


class Seen(NamedTuple):
    """A machine as the data centre shows it."""

    row: sqlite3.Row
    disks: Sequence[sqlite3.Row]
    cpu_percent: int | None


class Client:
    """A session. Raises NativeFault only."""

    def __init__(self, path: str, *, who: str, timeout: float, clock: Callable[[], datetime] | None = None) -> None:
        self.storage = Storage(path, timeout=min(timeout, 20.0))
        self.who = who
        self.timeout = timeout
        self.clock = clock

    def now(self) -> datetime:
        return self.clock().astimezone(UTC) if self.clock else datetime.now(UTC)

    @contextmanager
    def _call(self, name: str, *, changing: bool = False, target: str = "") -> Iterator[sqlite3.Connection]:
        """The door: every call comes through here, is logged, delayed and perhaps hit by a fault."""
        with self.storage.write() as db:
            if get(db, "offline"):
                raise faults.NativeFault("unreachable", "Connection refused.")
            number = faults.log_call(db, name, changing=changing, target=target)
            fault = faults.take_fault(db, name, number)
            latency = get(db, "latency_ms") / 1000
            tasks.settle(db, now=self.now())
        faults.delay(latency, self.timeout)
        if fault is not None and fault.code != faults.LOST_ANSWER:
            raise fault
        with self.storage.write() if changing else self.storage.read() as db:
            yield db
        if fault is not None:
            raise fault

    def about(self) -> str:
        with self._call("about") as db:
            return str(get(db, "product"))

    def pools(self) -> list[sqlite3.Row]:
        with self._call("list_pools") as db:
            return db.execute("SELECT * FROM pools ORDER BY ref").fetchall()

    def hosts(self) -> list[sqlite3.Row]:
        with self._call("list_hosts") as db:
            return db.execute("SELECT * FROM hosts ORDER BY ref").fetchall()

    def datastores(self) -> list[sqlite3.Row]:
        with self._call("list_datastores") as db:
            return db.execute(
                "SELECT d.ref, d.name, d.capacity_mib, d.capacity_mib - COALESCE(SUM(k.size_mib), 0) AS free_mib"
                " FROM datastores d LEFT JOIN disks k ON k.datastore_ref = d.ref GROUP BY d.ref ORDER BY d.ref"
            ).fetchall()

    def networks(self) -> list[sqlite3.Row]:
        with self._call("list_networks") as db:
            return db.execute("SELECT * FROM networks ORDER BY ref").fetchall()

    def images(self) -> list[sqlite3.Row]:
        with self._call("list_images") as db:
            return db.execute(
                "SELECT m.ref, m.name, COALESCE(SUM(k.size_mib), 0) AS disk_mib FROM machines m"
                " LEFT JOIN disks k ON k.machine_ref = m.ref WHERE m.is_template GROUP BY m.ref ORDER BY m.ref"
            ).fetchall()

    def machines(self) -> list[Seen]:
        with self._call("list_machines") as db:
            return self._seen(db, "NOT is_template", ())

    def machine(self, ref: str) -> Seen:
        with self._call("get_machine", target=ref) as db:
            machines.need(db, ref)
            return self._seen(db, "ref = ?", (ref,))[0]

    def find(self, *, stamp: str, uuid: str) -> list[Seen]:
        with self._call("find_machines") as db:
            return self._seen(db, "stamp = ? AND stamp <> '' AND uuid = ?", (stamp, uuid))

    def find_uuid(self, uuid: str) -> list[Seen]:
        with self._call("find_machines") as db:
            return self._seen(db, "uuid = ?", (uuid,))

    def _seen(self, db: sqlite3.Connection, where: str, values: tuple[str, ...]) -> list[Seen]:
        """Two statements, however many machines."""
        # `where` is always one of the literals in this class.
        rows = db.execute(f"SELECT * FROM machines WHERE {where} ORDER BY created_at, ref", values).fetchall()  # noqa: S608
        disks = defaultdict(list)
        inner = f"SELECT ref FROM machines WHERE {where}"  # noqa: S608
        for disk in db.execute(f"SELECT * FROM disks WHERE machine_ref IN ({inner}) ORDER BY name, ref", values):  # noqa: S608
            disks[disk["machine_ref"]].append(disk)
        seed, now = get(db, "seed"), self.now()
        return [Seen(row, disks[row["ref"]], _use(row, seed, now)) for row in rows]

    def free_memory(self, pool_ref: str) -> int:
        with self._call("free_memory", target=pool_ref) as db:
            return placement.free_memory(db, pool_ref)

    def check_name(self, name: str) -> None:
        with self._call("check_name") as db:
            machines.check_name(db, name)

    def task(self, ref: str, *, target: str = "", kind: str = "") -> sqlite3.Row | None:
        """The task with this reference; where that is not known (any more), the one that runs on the target."""
        with self._call("get_task", target=target) as db:
            row: sqlite3.Row | None = db.execute("SELECT * FROM tasks WHERE ref = ?", (ref,)).fetchone()
            if row is not None and (not target or row["target"] == target):
                return row
            return tasks.running(db, target, kind) if target else None

    def clone(self, image_ref: str, *, name: str, uuid: str, stamp: str, pool_ref: str) -> tuple[str, str]:
        """Starts a clone. Returns the references of task and half-made machine."""
        with self._call("clone", changing=True, target=image_ref) as db:
            at = self.now()
            ref = machines.begin_clone(
                db, image_ref, name=name, uuid=uuid, stamp=stamp, pool_ref=pool_ref, who=self.who, at=at
            )
            return tasks.start(db, "clone", ref, {"who": self.who}, now=at), ref

    def reconfigure(self, ref: str, *, vcpus: int, memory_mib: int, disk_mib: int, hostname: str) -> None:
        with self._call("reconfigure", changing=True, target=ref) as db:
            machines.reconfigure(db, ref, vcpus=vcpus, memory_mib=memory_mib, disk_mib=disk_mib, hostname=hostname)

    def rename(self, ref: str, name: str) -> None:
        with self._call("rename", changing=True, target=ref) as db:
            machines.rename(db, ref, name, who=self.who, at=self.now())

    def annotate(self, ref: str, fields: dict[str, str], stamp: str = "") -> str:
        with self._call("annotate", changing=True, target=ref) as db:
            machines.need(db, ref)
            return self._start(db, "annotate", ref, fields=fields, stamp=stamp)

    def power_on(self, ref: str) -> str:
        with self._call("power_on", changing=True, target=ref) as db:
            machines.begin_power_on(db, ref)
            return self._start(db, "power_on", ref)

    def power_off(self, ref: str) -> str:
        with self._call("power_off", changing=True, target=ref) as db:
            machines.need(db, ref)
            return self._start(db, "power_off", ref)

    def shutdown(self, ref: str) -> str:
        with self._call("shutdown", changing=True, target=ref) as db:
            machines.need_on(db, ref)
            db.execute("UPDATE machines SET stop_asked = ? WHERE ref = ?", (self.now().timestamp(), ref))
            return self._start(db, "shutdown", ref)

    def restart(self, ref: str) -> str:
        with self._call("restart", changing=True, target=ref) as db:
            machines.need_on(db, ref)
            return self._start(db, "restart", ref)

    def remove(self, ref: str) -> str:
        with self._call("remove", changing=True, target=ref) as db:
            machines.need_removable(db, ref)
            return self._start(db, "remove", ref)

    def cancel(self, task_ref: str) -> None:
        with self._call("cancel_task", changing=True, target=task_ref) as db:
            tasks.cancel(db, task_ref)

    def loose_disks(self, path_start: str) -> list[str]:
        """References of disks under a path that belong to no machine."""
        with self._call("list_disks") as db:
            rows = db.execute(
                "SELECT ref FROM disks WHERE machine_ref = '' AND path >= ? AND path < ?",
                (path_start, path_start + "\U0010ffff"),
            )
            return [row["ref"] for row in rows]

    def delete_disk(self, ref: str) -> None:
        with self._call("delete_disk", changing=True, target=ref) as db:
            db.execute("DELETE FROM disks WHERE ref = ? AND machine_ref = ''", (ref,))

    def _start(self, db: sqlite3.Connection, kind: str, ref: str, **args: Any) -> str:
        return tasks.start(db, kind, ref, {"who": self.who, **args}, now=self.now())

    def close(self) -> None:
        self.storage.close()


def _use(row: sqlite3.Row, seed: int, now: datetime) -> int | None:
    if row["power"] != "on":
        return None
    return cpu_percent(seed=seed, uuid=row["uuid"], profile=row["profile"], at=now, idle_from=row["idle_from"])
