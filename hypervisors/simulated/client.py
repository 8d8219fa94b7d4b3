"""Speaks to the data centre: each method is one call over the wire. What changes nothing is in `looking`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hypervisors.simulated import diskfiles, machines, parts, tasks
from hypervisors.simulated.faults import NativeFault
from hypervisors.simulated.looking import Looking, Seen

__all__ = ["Client", "Seen"]


class Client(Looking):
    """A session. Raises NativeFault only."""

    def clone(
        self, image_ref: str, *, name: str, uuid: str, stamp: str, pool_ref: str, network_ref: str = "",
        datastore_ref: str = "",
    ) -> tuple[str, str]:  # fmt: skip
        """Starts a clone. Returns the references of task and half-made machine."""
        with self._call("clone", changing=True, target=image_ref) as db:
            at = self.now()
            ref = machines.begin_clone(
                db, image_ref, name=name, uuid=uuid, stamp=stamp, pool_ref=pool_ref, network_ref=network_ref,
                datastore_ref=datastore_ref, who=self.who, at=at,
            )  # fmt: skip
            return tasks.start(db, "clone", ref, {"who": self.who}, now=at), ref

    def reconfigure(self, ref: str, *, vcpus: int, memory_mib: int, disk_mib: int, hostname: str) -> None:
        with self._call("reconfigure", changing=True, target=ref) as db:
            machines.reconfigure(db, ref, vcpus=vcpus, memory_mib=memory_mib, disk_mib=disk_mib, hostname=hostname)

    def put_seed(self, ref: str, seed: str) -> None:
        """What the guest finds at its first start; an empty text takes it away. It may hold secrets: in no task."""
        with self._call("put_seed", changing=True, target=ref) as db:
            parts.need(db, ref)
            db.execute("UPDATE machines SET seed = ? WHERE ref = ?", (seed, ref))

    def rename(self, ref: str, name: str) -> None:
        with self._call("rename", changing=True, target=ref) as db:
            machines.rename(db, ref, name, who=self.who, at=self.now())

    def annotate(self, ref: str, fields: dict[str, str], stamp: str = "") -> str:
        with self._call("annotate", changing=True, target=ref) as db:
            parts.need(db, ref)
            return self._start(db, "annotate", ref, fields=fields, stamp=stamp)

    def power_on(self, ref: str) -> str:
        with self._call("power_on", changing=True, target=ref) as db:
            machines.begin_power_on(db, ref)
            return self._start(db, "power_on", ref)

    def power_off(self, ref: str) -> str:
        with self._call("power_off", changing=True, target=ref) as db:
            parts.need(db, ref)
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

    def reset(self, ref: str) -> str:
        with self._call("reset", changing=True, target=ref) as db:
            machines.need_on(db, ref)
            return self._start(db, "reset", ref)

    def suspend(self, ref: str) -> str:
        with self._work("suspend", ref) as db:
            machines.need_on(db, ref)
            return self._start(db, "suspend", ref)

    def resume(self, ref: str) -> str:
        with self._work("resume", ref) as db:
            machines.begin_resume(db, ref)
            return self._start(db, "resume", ref)

    def resize(self, ref: str, *, vcpus: int, memory_mib: int) -> str:
        with self._work("resize", ref) as db:
            machines.need_stopped(db, ref)
            machines.check_size(vcpus=vcpus, memory_mib=memory_mib)
            return self._start(db, "resize", ref, vcpus=vcpus, memory_mib=memory_mib)

    def add_disk(self, ref: str, *, key: str, size_mib: int, datastore_ref: str) -> str:
        with self._work("add_disk", ref) as db:
            known = db.execute("SELECT 1 FROM datastores WHERE ref = ?", (datastore_ref,)).fetchone()
            if datastore_ref and not known:
                raise NativeFault("not_found", f"The datastore {datastore_ref} does not exist.")
            return self._start(db, "add_disk", ref, key=key, size_mib=size_mib, datastore_ref=datastore_ref)

    def grow_disk(self, ref: str, *, disk_ref: str, size_mib: int) -> str:
        with self._work("grow_disk", ref) as db:
            parts.need_disk(db, ref, disk_ref)
            parts.need_no_snapshots(db, ref)
            return self._start(db, "grow_disk", ref, disk_ref=disk_ref, size_mib=size_mib)

    def remove_disk(self, ref: str, disk_ref: str) -> str:
        with self._work("remove_disk", ref) as db:
            row = parts.need(db, ref)
            if row["power"] == "on" and row["deaf"]:
                raise NativeFault("wrong_state", "The guest does not let go of the disk.")
            parts.need_no_snapshots(db, ref)
            return self._start(db, "remove_disk", ref, disk_ref=disk_ref)

    def add_nic(self, ref: str, *, mac: str, network_ref: str) -> str:
        with self._work("add_nic", ref) as db:
            if not db.execute("SELECT 1 FROM networks WHERE ref = ?", (network_ref,)).fetchone():
                raise NativeFault("not_found", f"The network {network_ref} does not exist.")
            return self._start(db, "add_nic", ref, mac=mac, network_ref=network_ref)

    def remove_nic(self, ref: str, nic_ref: str) -> str:
        with self._work("remove_nic", ref) as db:
            return self._start(db, "remove_nic", ref, nic_ref=nic_ref)

    def snapshot(self, ref: str, name: str) -> str:
        with self._work("snapshot", ref) as db:
            return self._start(db, "snapshot", ref, name=name)

    def revert(self, ref: str, snapshot_ref: str) -> str:
        with self._work("revert", ref) as db:
            parts.need_snapshot(db, ref, snapshot_ref)
            return self._start(db, "revert", ref, snapshot_ref=snapshot_ref)

    def remove_snapshot(self, ref: str, snapshot_ref: str) -> str:
        with self._work("remove_snapshot", ref) as db:
            return self._start(db, "remove_snapshot", ref, snapshot_ref=snapshot_ref)

    def remove(self, ref: str) -> str:
        with self._call("remove", changing=True, target=ref) as db:
            machines.need_stopped(db, ref)
            return self._start(db, "remove", ref)

    def cancel(self, task_ref: str) -> None:
        with self._call("cancel_task", changing=True, target=task_ref) as db:
            tasks.cancel(db, task_ref)

    def rename_file(self, ref: str, path: str) -> str:
        with self._call("rename_file", changing=True, target=ref) as db:
            diskfiles.need_free_path(db, diskfiles.need_unused(db, ref), path)
            return self._start(db, "rename_file", ref, path=path)

    def delete_file(self, ref: str) -> str:
        with self._call("delete_file", changing=True, target=ref) as db:
            diskfiles.need_unused(db, ref)
            return self._start(db, "delete_file", ref)

    def delete_disk(self, ref: str) -> None:
        with self._call("delete_disk", changing=True, target=ref) as db:
            db.execute("DELETE FROM disks WHERE ref = ? AND machine_ref = ''", (ref,))

    @contextmanager
    def _work(self, name: str, ref: str) -> Iterator[sqlite3.Connection]:
        """Starts work on a machine's hardware: one at a time, so that none undoes what another builds on."""
        with self._call(name, changing=True, target=ref) as db:
            parts.need(db, ref)
            if (task := tasks.running(db, ref)) is not None:
                raise NativeFault("in_progress", f"The task {task['ref']} ({task['kind']}) is under way.")
            yield db

    def _start(self, db: sqlite3.Connection, kind: str, ref: str, **args: Any) -> str:
        return tasks.start(db, kind, ref, {"who": self.who, **args}, now=self.now())
