"""A shelf that the conformance suite runs against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any
from uuid import uuid4

from hypervisors import registry
from hypervisors.conformance import Hardware, Native
from hypervisors.contract import Hypervisor, Seed, Target, mac_of

ADDRESS = "shelf.example"


class ShelfBench:
    """Made of the installed module, not of its source in the tests."""

    memory_mib = 16
    patience = 5.0
    gaps: Mapping[int, str] = {}
    unproven: Mapping[int, str] = {
        267: "There is no wire, on which requests could be counted.",
    }

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.image_ref, self.image_mib = module.IMAGE, module.IMAGE_MIB
        self.pool_ref, self.network_ref = module.POOL, module.NETWORK
        self.shelf = module.SHELVES[ADDRESS] = module.Shelf()

    def connect(self, *, read_only: bool = False) -> Hypervisor:
        return registry.connect(Target("shelf", address=ADDRESS, read_only=read_only, timeout=5))

    def close(self) -> None:
        del self.module.SHELVES[ADDRESS]

    def make_by_hand(self, name: str, *, on: bool = False, note: str = "", managed_by: str = "") -> str:
        return self._put(self.module.Box(uuid4(), name, on=on, note=note, managed_by=managed_by))

    def copy_by_hand(self, ref: str, name: str) -> str:
        return self._put(replace(self.shelf.boxes[ref], uuid=uuid4(), name=name))

    def rename_by_hand(self, ref: str, name: str) -> None:
        self.shelf.boxes[ref] = replace(self.shelf.boxes[ref], name=name)

    def file_by_hand(self, ref: str, folder: str) -> bool:
        return False

    def label_by_hand(self, ref: str, name: str, value: str) -> bool:
        return False

    def machines(self) -> Mapping[str, Native]:
        return {ref: Native(box.uuid, box.name, box.on) for ref, box in self.shelf.boxes.items()}

    def hardware(self, ref: str) -> Hardware:
        box = self.shelf.boxes[ref]
        return Hardware(
            "on" if box.on else "off", box.vcpus, box.memory_mib, (box.disk_mib,), frozenset({mac_of(str(box.uuid))}),
            frozenset(),
        )  # fmt: skip

    def disks(self) -> set[str]:
        return {f"{ref}/disk" for ref in self.shelf.boxes}

    def seed_in(self, ref: str) -> Seed | None:
        return None

    def note_of(self, ref: str) -> str:
        return str(self.shelf.boxes[ref].note)

    def shown_on(self, ref: str) -> str:
        box = self.shelf.boxes[ref]
        return f"{box.note} {box.holding} {box.operation}"

    def calls(self) -> int | None:
        return None

    def _put(self, box: Any) -> str:
        ref = f"box-{box.uuid}"
        self.shelf.boxes[ref] = box
        return ref

    def go_dark(self) -> None:
        self.shelf.dark = True

    def come_back(self) -> None:
        self.shelf.dark = False
