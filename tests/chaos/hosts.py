"""The hypervisors of the chaos: what can break in them, and what is on them, seen by those who run them."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from xml.etree import ElementTree as ET

from hypervisors.simulated.datacentre import DataCentre
from tests.chaos.evidence import Estate, Vm
from tests.chaos.stage import DURATIONS
from tests.rigs.libvirt import LibvirtRig

Act = Callable[[], object]


class Fault(NamedTuple):
    """`act`, and `undo` so many seconds later."""

    name: str
    act: Act
    seconds: tuple[float, float] = (0, 0)
    undo: Act = lambda: None


class Host(Protocol):
    longest: float
    """Seconds that one piece of work takes there, at the longest."""
    errands: int
    """Rounds of a few more orders, at most, for points of the plan that nobody came by."""

    def faults(self, dice: random.Random) -> list[Fault]: ...

    def well(self) -> None:
        """Nothing is broken from now on."""

    def trouble(self) -> None:
        """Refuses something soon, where it can be told to."""

    def look(self) -> Estate: ...


CALLS = ("clone", "power_on", "power_off", "rename", "reconfigure", "annotate", "remove", "shutdown", "restart")
ENDED_WORK = ("clone.task", "power_on.task", "remove.task", "shutdown.task")
"""Work that the hypervisor takes on and breaks off in the end."""


class Simulated:
    longest = max(DURATIONS.values())
    errands = 4

    def __init__(self, file: Path, *, pace: float | None = None) -> None:
        self.dc = DataCentre(file)
        if pace is not None:
            self.dc.set_durations(pace)

    def faults(self, dice: random.Random) -> list[Fault]:
        dc = self.dc

        def some(calls: Sequence[str], *codes: str) -> Act:
            def act() -> None:
                for _ in range(2):
                    dc.add_fault(dice.choice(calls), dice.choice(codes), count=dice.randint(1, 2))

            return act

        late = lambda: dc.set("latency_ms", dice.choice((50, 200, 800)))
        return [
            Fault("hypervisor offline", dc.go_offline, (1, 5), dc.come_back),
            Fault("hypervisor late", late, (2, 5), lambda: dc.set("latency_ms", 0)),
            Fault("calls refused", some(CALLS, "busy", "busy", "unreachable", "denied")),
            Fault("answers lost", some(CALLS, "lost_answer")),
            Fault("work broken off", some(ENDED_WORK, "fault", "busy", "no_memory")),
        ]

    def well(self) -> None:
        self.dc.clear_faults()
        self.dc.come_back()
        self.dc.set("latency_ms", 0)

    def trouble(self) -> None:
        self.dc.add_fault("clone", "busy")

    def look(self) -> Estate:
        machines, disks = self.dc.machines(), self.dc.disks()
        refs = {row["ref"] for row in machines}
        loose = {disk["path"] for disk in disks if disk["machine_ref"] not in refs}
        loose |= {f"task {task['ref']} on {task['target']}" for task in self.dc.tasks() if task["state"] == "running"}
        return Estate([_vm(row) for row in machines], loose, self.dc.events())


def _vm(row: dict[str, Any]) -> Vm:
    return Vm(row["ref"], uuid.UUID(row["uuid"]), row["name"], row["power"] == "on", not row["building"])


class Libvirt:
    longest = 8.0
    errands = 0

    def __init__(self, rig: LibvirtRig) -> None:
        self.rig = rig

    def faults(self, dice: random.Random) -> list[Fault]:
        """Guests run on while the daemon is away."""
        return [
            Fault("libvirtd killed", self.rig.kill_daemon, (0.5, 3), self.rig.start_daemon),
            Fault("libvirtd frozen", self.rig.freeze_daemon, (1, 4), self.rig.thaw_daemon),
        ]

    def well(self) -> None:
        """Each fault's own end has made it so."""

    def trouble(self) -> None:
        """It has no words for that."""

    def look(self) -> Estate:
        vms, disks, loose = [], set(), set()
        for name in self.rig.virsh("list", "--all", "--uuid").stdout.split():
            root = ET.fromstring(self.rig.virsh("dumpxml", name).stdout)  # noqa: S314 - of our own libvirt
            disks |= {Path(source.get("file", "")).name for source in root.iterfind("devices/disk/source")}
            on = self.rig.virsh("domstate", name).stdout.strip() == "running"
            snapshots = self.rig.virsh("snapshot-list", name, "--name").stdout.split()
            loose |= {f"snapshot {each} of {name}" for each in snapshots}
            busy = bool(self.rig.virsh("blockjob", name, "vda", "--info", check=False).stdout.strip())
            vms.append(Vm(name, uuid.UUID(name), root.findtext("name", ""), on, not busy))
        return Estate(vms, loose | (self.rig.volumes() - disks))
