"""One machine's row after our own act: what the adapter says of it, written exact to the second."""

from __future__ import annotations

from datetime import datetime

from hypervisors.contract import MachineFacts
from lifecycle.estate.history import settle
from lifecycle.estate.models import LEASED, Datastore, Disk, Machine, Power


def observe(machine: Machine, facts: MachineFacts, *, at: datetime, cause: str) -> Machine:
    """Writes what was just seen; splits the spans of a leased machine where a priced attribute changed."""
    machine.native_ref = facts.ref[:255]
    machine.power = Power(facts.power.value)
    machine.power_at = machine.seen_at = at
    machine.first_seen_at = machine.first_seen_at or at
    machine.created_at = machine.created_at or facts.created_at or at
    machine.vcpus, machine.memory_mib, machine.disk_mib = facts.vcpus, facts.memory_mib, facts.disk_mib
    machine.addresses = [address[:64] for address in facts.addresses][:16]
    machine.guest_name = facts.guest_name[:255]
    machine.save(
        update_fields=[
            "native_ref", "power", "power_at", "seen_at", "first_seen_at", "created_at", "vcpus", "memory_mib",
            "disk_mib", "addresses", "guest_name",
        ]
    )  # fmt: skip
    _replace_disks(machine, facts)
    if machine.stage in LEASED:
        settle(machine, at=at, cause=cause)
    return machine


def _replace_disks(machine: Machine, facts: MachineFacts) -> None:
    stores = dict(
        Datastore.objects.filter(
            endpoint=machine.endpoint_id, ref__in={disk.datastore_ref for disk in facts.disks}
        ).values_list("ref", "pk")
    )
    Disk.objects.bulk_create(
        [
            Disk(
                machine=machine,
                ref=disk.ref[:255],
                name=disk.name[:255],
                size_mib=disk.size_mib,
                datastore_id=stores.get(disk.datastore_ref),
            )
            for disk in facts.disks
        ],
        update_conflicts=True,
        unique_fields=["machine", "ref"],
        update_fields=["name", "size_mib", "datastore"],
    )
    machine.disks.exclude(ref__in=[disk.ref[:255] for disk in facts.disks]).delete()
