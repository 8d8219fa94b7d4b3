"""The simulated data centre that the conformance suite runs against."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from hypervisors.conformance import Hardware, Native
from hypervisors.contract import Hypervisor, Seed, Target
from hypervisors.simulated.adapter import Simulated
from hypervisors.simulated.datacentre import DataCentre


class SimulatedBench:
    """A fresh data centre of one host; work takes a moment, so that half-made things can be seen."""

    image_mib = 64
    memory_mib = 256
    patience = 10.0
    gaps: Mapping[int, str] = {}
    unproven: Mapping[int, str] = {}

    def __init__(self, folder: Path) -> None:
        self.dc = DataCentre(folder / "bench.dc.sqlite3")
        self.dc.set_durations(0.02)
        datastore = self.dc.add_datastore("ssd-1", capacity_mib=1_000_000)
        self.network_ref = self.dc.add_network("lab")
        self.pool_ref = self.dc.add_pool(
            "Hamburg general", datastore_ref=datastore, network_ref=self.dc.add_network("lan")
        )
        self.dc.add_host("esx-01", pool_ref=self.pool_ref)
        self.image_ref = self.dc.add_image("Debian 12", disk_mib=self.image_mib, datastore_ref=datastore)
        self.datastore_ref = datastore
        self._open: list[Hypervisor] = []

    def connect(self, *, read_only: bool = False) -> Hypervisor:
        self._open.append(Simulated(Target("simulated", path=self.dc.path, read_only=read_only, timeout=15)))
        return self._open[-1]

    def close(self) -> None:
        for hv in self._open:
            hv.close()
        self.dc.close()

    def make_by_hand(self, name: str, *, on: bool = False, note: str = "", managed_by: str = "") -> str:
        return self.dc.make_machine_by_hand(
            name, note=note, managed_by=managed_by, power="on" if on else "off", pool_ref=self.pool_ref, deaf=True,
            vcpus=1, memory_mib=self.memory_mib, disks_mib=(64,), datastore_ref=self.datastore_ref,
        )  # fmt: skip

    def copy_by_hand(self, ref: str, name: str) -> str:
        return self.dc.clone_by_hand(ref, name)

    def rename_by_hand(self, ref: str, name: str) -> None:
        self.dc.change_by_hand(ref, name=name)

    def file_by_hand(self, ref: str, folder: str) -> bool:
        self.dc.change_by_hand(ref, folder=folder)
        return True

    def label_by_hand(self, ref: str, name: str, value: str) -> bool:
        self.dc.change_by_hand(ref, fields=json.dumps(self._row(ref)["fields"] | {name: value}))
        return True

    def loose_disk_by_hand(self, name: str) -> str:
        return self.dc.add_loose_disk(f"{name}/{name}.vmdk", size_mib=16, datastore_ref=self.datastore_ref)

    def attach_by_hand(self, ref: str, file_ref: str) -> None:
        self.dc.attach_disk(ref, file_ref)

    def scribble_file(self, file_ref: str, text: str) -> None:
        self.dc.write_on_file(file_ref, text)

    def scribbled_file(self, file_ref: str) -> str:
        return next(str(disk["content"]) for disk in self.dc.disks() if disk["ref"] == file_ref)

    def scribble(self, ref: str, text: str) -> None:
        self.dc.write_on_disk(ref, text)

    def machines(self) -> Mapping[str, Native]:
        return {row["ref"]: Native(UUID(row["uuid"]), row["name"], row["power"] == "on") for row in self.dc.machines()}

    def hardware(self, ref: str) -> Hardware:
        row = self._row(ref)
        return Hardware(
            power=row["power"],
            vcpus=row["vcpus"],
            memory_mib=row["memory_mib"],
            disks_mib=tuple(disk["size_mib"] for disk in self._disks_of(ref)),
            macs=frozenset(nic["mac"] for nic in self.dc.nics() if nic["machine_ref"] == ref),
            snapshots=frozenset(one["name"] for one in self.dc.snapshots() if one["machine_ref"] == ref),
        )

    def disks(self) -> set[str]:
        return {row["ref"] for row in (*self.dc.disks(), *self.dc.snapshots())}

    def scribbled(self, ref: str) -> str:
        return str(self._disks_of(ref)[0]["content"])

    def seed_in(self, ref: str) -> Seed | None:
        text = self._row(ref)["seed"]
        found = json.loads(text) if text else None
        return Seed(found["hostname"], tuple(found["ssh_keys"]), found["user_data"]) if found else None

    def note_of(self, ref: str) -> str:
        return str(self._row(ref)["note"])

    def shown_on(self, ref: str) -> str:
        row = self._row(ref)
        return "\n".join([row["note"], row["stamp"], *row["fields"].values()])

    def calls(self) -> int | None:
        return len(self.dc.calls())

    def _row(self, ref: str) -> dict[str, Any]:
        return next(row for row in self.dc.machines() if row["ref"] == ref)

    def _disks_of(self, ref: str) -> list[dict[str, Any]]:
        return sorted((disk for disk in self.dc.disks() if disk["machine_ref"] == ref), key=lambda disk: disk["name"])

    def go_dark(self) -> None:
        self.dc.go_offline()

    def come_back(self) -> None:
        self.dc.come_back()
