"""The data centre seen by those who run it: make one, set how it behaves, do things by hand, ask what happened."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any

from hypervisors.simulated import byhand, machines, parts, settings, storage, tasks
from hypervisors.simulated.byhand import ByHand
from hypervisors.simulated.usage import Use, used

HOUR = 3600

Record = dict[str, Any]


class DataCentre:
    """One file; made with its tables when it does not exist. Raises NativeFault only.

    `clock` is its time: what is written on machines and events, and how long tasks take. Delays of calls are real.
    """

    def __init__(self, path: str | PathLike[str], *, clock: Callable[[], datetime] | None = None) -> None:
        self.path = str(Path(path).absolute())
        self.clock = clock
        if not Path(self.path).exists():
            storage.create(self.path)
        self.storage = storage.Storage(self.path)

    def now(self) -> datetime:
        return self.clock().astimezone(UTC) if self.clock else datetime.now(UTC)

    def close(self) -> None:
        self.storage.close()

    # How it behaves

    def get(self, key: str) -> Any:
        with self.storage.read() as db:
            return settings.get(db, key)

    def set(self, key: str, value: Any) -> None:
        """Keys and defaults: `settings.DEFAULTS`."""
        with self.storage.write() as db:
            settings.put(db, key, value)

    def set_durations(self, seconds: float) -> None:
        """The same duration for every kind of task; 0 makes all work instant."""
        with self.storage.write() as db:
            for key in settings.DEFAULTS:
                if key.startswith("duration."):
                    settings.put(db, key, seconds)

    def add_fault(
        self, call: str, code: str, *, count: int = 1, probability: float | None = None, message: str = ""
    ) -> None:
        """The next `count` calls of this name ("*": any) fail, or each with a probability.

        Codes: `mapping.ERRORS`; "lost_answer" strikes after the call took effect. The name "clone.task" (or another
        kind of task) lets the call succeed and its task fail at the end.
        """
        remaining = None if probability is not None else count
        with self.storage.write() as db:
            db.execute(
                "INSERT INTO faults (call, code, message, remaining, probability) VALUES (?, ?, ?, ?, ?)",
                (call, code, message, remaining, probability),
            )

    def clear_faults(self) -> None:
        with self.storage.write() as db:
            db.execute("DELETE FROM faults")

    def go_offline(self) -> None:
        self.set("offline", True)

    def come_back(self) -> None:
        self.set("offline", False)

    def forget_tasks(self) -> None:
        """As after a restart of the management server: ended tasks are unknown."""
        with self.storage.write() as db:
            tasks.settle(db, now=self.now())
            tasks.forget(db)

    # What it consists of

    def add_pool(self, name: str, *, datastore_ref: str = "", network_ref: str = "") -> str:
        with self.storage.write() as db:
            ref = settings.next_ref(db, "pool")
            db.execute("INSERT INTO pools VALUES (?, ?, ?, ?)", (ref, name, datastore_ref, network_ref))
        return ref

    def add_host(self, name: str, *, pool_ref: str, cpus: int = 64, memory_mib: int = 524_288) -> str:
        with self.storage.write() as db:
            ref = settings.next_ref(db, "host")
            db.execute(
                "INSERT INTO hosts (ref, name, pool_ref, cpus, memory_mib) VALUES (?, ?, ?, ?, ?)",
                (ref, name, pool_ref, cpus, memory_mib),
            )
        return ref

    def add_datastore(self, name: str, *, capacity_mib: int, identity: str = "", shared: bool = False) -> str:
        """Without an identity, it is this data centre's own."""
        with self.storage.write() as db:
            ref = settings.next_ref(db, "datastore")
            identity = identity or f"{Path(self.path).name}/{ref}"
            db.execute("INSERT INTO datastores VALUES (?, ?, ?, ?, ?)", (ref, name, capacity_mib, identity, shared))
        return ref

    def add_network(self, name: str) -> str:
        with self.storage.write() as db:
            ref = settings.next_ref(db, "network")
            db.execute("INSERT INTO networks VALUES (?, ?)", (ref, name))
        return ref

    def add_image(
        self, name: str, *, disk_mib: int, vcpus: int = 1, memory_mib: int = 1024, datastore_ref: str = ""
    ) -> str:
        disks = (disk_mib,)
        return self.make_machine_by_hand(
            name, vcpus=vcpus, memory_mib=memory_mib, disks_mib=disks, datastore_ref=datastore_ref, power="off",
            is_template=True,
        )  # fmt: skip

    # What people do at its own console

    def make_machine_by_hand(self, name: str, **facts: Any) -> str:
        """Somebody makes a machine past the portal. Facts: the fields of `ByHand`. Returns its reference."""
        return self.make_machines_by_hand([ByHand(name=name, **facts)])[0]

    def make_machines_by_hand(self, hands: Iterable[ByHand]) -> list[str]:
        """Many at once, in one transaction."""
        now = self.now()
        with self.storage.write() as db:
            return [byhand.insert(db, hand, now=now) for hand in hands]

    def connect_host(self, ref: str, connected: bool) -> None:
        """Into maintenance, or out of it: nothing new is started on a host that is not connected."""
        with self.storage.write() as db:
            db.execute("UPDATE hosts SET connected = ? WHERE ref = ?", (connected, ref))

    def write_on_disk(self, ref: str, text: str) -> None:
        """Somebody writes a text into a machine's first disk."""
        with self.storage.write() as db:
            disk = parts.disks_of(db, ref)[0]["ref"]
            db.execute("UPDATE disks SET content = ? WHERE ref = ?", (text, disk))
            db.execute("UPDATE machines SET just_reverted = 0 WHERE ref = ?", (ref,))

    def write_on_file(self, disk_ref: str, text: str) -> None:
        with self.storage.write() as db:
            db.execute("UPDATE disks SET content = ? WHERE ref = ?", (text, disk_ref))

    def change_by_hand(self, ref: str, *, who: str = "root", **columns: Any) -> None:
        """Sets columns of a machine: name (rename), pool_ref, host_ref or folder (move), power, note, deaf ..."""
        with self.storage.write() as db:
            tasks.settle(db, now=self.now())
            row = parts.need(db, ref)
            for column, value in columns.items():
                if column not in row.keys():  # noqa: SIM118 - a Row iterates over its values
                    raise KeyError(column)
                db.execute(f"UPDATE machines SET {column} = ? WHERE ref = ?", (value, ref))  # noqa: S608 - checked above
            name = columns.get("name", row["name"])
            power = {"on": "powered on", "off": "powered off"}.get(columns.get("power", ""))
            parts.record(db, ref, name, power or f"changed: {', '.join(columns)}", who=who, at=self.now())

    def power_by_hand(self, ref: str, power: str, *, who: str = "root") -> None:
        self.change_by_hand(ref, who=who, power=power, stop_asked=None)

    def register_again(self, ref: str) -> str:
        """Out of the inventory and in again: a new reference, the same UUID. Returns the new reference."""
        with self.storage.write() as db:
            parts.need(db, ref)
            new = settings.next_ref(db, "vm")
            db.execute("UPDATE machines SET ref = ? WHERE ref = ?", (new, ref))
            for table in ("disks", "nics", "snapshots"):
                db.execute(f"UPDATE {table} SET machine_ref = ? WHERE machine_ref = ?", (new, ref))  # noqa: S608
        return new

    def clone_by_hand(self, ref: str, name: str, *, same_uuid: bool = False, who: str = "root") -> str:
        """A person's clone copies the stamp, as real ones do; with `same_uuid` it is a true double."""
        with self.storage.write() as db:
            row = parts.need(db, ref)
            columns = {key: row[key] for key in row.keys() if key not in {"ref", "uuid"}}  # noqa: SIM118
            columns |= {"name": name, "created_by": who, "created_at": self.now().isoformat(), "address": ""}
            columns |= {"current_snapshot": "", "just_reverted": 0}
            new = machines.insert(db, **columns, **({"uuid": row["uuid"]} if same_uuid else {}))
            parts.copy_disks(db, parts.disks_of(db, ref), new, name=name, at=self.now())
            for nic in parts.nics_of(db, ref):
                parts.add_nic(db, new, network_ref=nic["network_ref"])
        return new

    def delete_by_hand(self, ref: str, *, keep_disks: bool = False, who: str = "root") -> None:
        with self.storage.write() as db:
            name = parts.need(db, ref)["name"]
            machines.erase(db, ref, keep_disks=keep_disks)
            parts.record(db, ref, name, "removed", who=who, at=self.now())

    def add_loose_disk(
        self, path: str, *, size_mib: int, datastore_ref: str = "", changed_at: datetime | None = None
    ) -> str:
        """A disk file that belongs to no machine."""
        at = changed_at or self.now()
        with self.storage.write() as db:
            return parts.add_disk(db, "", path=path, size_mib=size_mib, datastore_ref=datastore_ref, at=at)

    def attach_disk(self, ref: str, disk_ref: str) -> None:
        """Somebody gives a machine a disk file that lies about."""
        with self.storage.write() as db:
            parts.need(db, ref)
            number = len(parts.disks_of(db, ref)) + 1
            db.execute(
                "UPDATE disks SET machine_ref = ?, name = ? WHERE ref = ?", (ref, f"Hard disk {number}", disk_ref)
            )

    # What is there and what happened

    def machines(self) -> list[Record]:
        """All machines, half-made ones too; images not."""
        rows = self._rows("SELECT * FROM machines WHERE NOT is_template ORDER BY created_at, ref")
        return [row | {"fields": json.loads(row["fields"])} for row in rows]

    def disks(self) -> list[Record]:
        """All disks but those of images; orphans have an empty `machine_ref`."""
        return self._rows(
            "SELECT * FROM disks WHERE machine_ref NOT IN (SELECT ref FROM machines WHERE is_template) ORDER BY ref"
        )

    def nics(self) -> list[Record]:
        return self._rows("SELECT * FROM nics ORDER BY machine_ref, rowid")

    def snapshots(self) -> list[Record]:
        return self._rows("SELECT * FROM snapshots ORDER BY machine_ref, rowid")

    def calls(self, *, changing: bool | None = None) -> list[Record]:
        """The calls that reached the data centre, oldest first; at most the last 20,000."""
        rows = self._rows("SELECT * FROM calls ORDER BY id")
        return [row for row in rows if changing is None or bool(row["changing"]) == changing]

    def events(self, machine_ref: str = "") -> list[Record]:
        return self._rows("SELECT * FROM events WHERE machine_ref = ? OR ? = '' ORDER BY id", machine_ref, machine_ref)

    def history(self, start: datetime, end: datetime) -> Iterator[tuple[str, list[Use]]]:
        """What each machine that runs now used, hour by hour from one whole hour (UTC) to another, once it was made."""
        hours = range(int(start.timestamp()), int(end.timestamp()), HOUR)
        with self.storage.read() as db:
            seed = settings.get(db, "seed")
            rows = db.execute("SELECT * FROM machines WHERE power = 'on' AND NOT is_template ORDER BY ref").fetchall()
        for row in rows:
            made_at = datetime.fromisoformat(row["created_at"]).timestamp()
            ends = [datetime.fromtimestamp(hour + HOUR, UTC) for hour in hours if hour >= made_at]
            yield row["ref"], [used(row, seed=seed, ended_at=ended_at, seconds=HOUR) for ended_at in ends]

    def tasks(self) -> list[Record]:
        return self._rows("SELECT * FROM tasks ORDER BY started_at, ref")

    def _rows(self, statement: str, *values: str) -> list[Record]:
        with self.storage.write() as db:
            tasks.settle(db, now=self.now())
        with self.storage.read() as db:
            return [dict(row) for row in db.execute(statement, values)]
