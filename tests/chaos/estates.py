"""The hypervisors of the chaos, seen by those who run them."""

from __future__ import annotations

import uuid
from pathlib import Path

from hypervisors.simulated.datacentre import DataCentre
from tests.chaos.evidence import Estate, Vm


def simulated(file: Path) -> Estate:
    dc = DataCentre(file)
    try:
        machines, disks = dc.machines(), dc.disks()
        refs = {row["ref"] for row in machines}
        loose = {disk["path"] for disk in disks if disk["machine_ref"] not in refs}
        loose |= {f"task {task['ref']} on {task['target']}" for task in dc.tasks() if task["state"] == "running"}
        vms = [
            Vm(row["ref"], uuid.UUID(row["uuid"]), row["name"], row["power"] == "on", not row["building"])
            for row in machines
        ]
        return Estate(vms, loose, dc.events())
    finally:
        dc.close()
