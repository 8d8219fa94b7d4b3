"""The simulated data centre that the conformance suite runs against."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from hypervisors.conformance import Native
from hypervisors.contract import Hypervisor, Target
from hypervisors.simulated.adapter import Simulated
from hypervisors.simulated.datacentre import DataCentre


class SimulatedBench:
    """A fresh data centre of one host; work takes a moment, so that half-made things can be seen."""

    image_mib = 64
    memory_mib = 256
    patience = 10.0
    gaps: Mapping[int, str] = dict.fromkeys(
        (157, 158, 159, 100, 101, 112, 260, 261, 262, 263, 265, 267, 280, 281, 283, 284), "It learns this next."
    )
    unproven: Mapping[int, str] = {}

    def __init__(self, folder: Path) -> None:
        self.dc = DataCentre(folder / "bench.dc.sqlite3")
        self.dc.set_durations(0.02)
        datastore = self.dc.add_datastore("ssd-1", capacity_mib=1_000_000)
        self.pool_ref = self.dc.add_pool("Hamburg general", datastore_ref=datastore)
        self.dc.add_host("esx-01", pool_ref=self.pool_ref)
        self.image_ref = self.dc.add_image("Debian 12", disk_mib=self.image_mib, datastore_ref=datastore)
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
            name, note=note, managed_by=managed_by, power="on" if on else "off", pool_ref=self.pool_ref, deaf=True
        )

    def copy_by_hand(self, ref: str, name: str) -> str:
        return self.dc.clone_by_hand(ref, name)

    def rename_by_hand(self, ref: str, name: str) -> None:
        self.dc.change_by_hand(ref, name=name)

    def machines(self) -> Mapping[str, Native]:
        return {row["ref"]: Native(UUID(row["uuid"]), row["name"], row["power"] == "on") for row in self.dc.machines()}

    def disks(self) -> set[str]:
        return {row["ref"] for row in self.dc.disks()}

    def note_of(self, ref: str) -> str:
        return str(self._row(ref)["note"])

    def shown_on(self, ref: str) -> str:
        row = self._row(ref)
        return "\n".join([row["note"], row["stamp"], *row["fields"].values()])

    def _row(self, ref: str) -> dict[str, Any]:
        return next(row for row in self.dc.machines() if row["ref"] == ref)

    def go_dark(self) -> None:
        self.dc.go_offline()

    def come_back(self) -> None:
        self.dc.come_back()
