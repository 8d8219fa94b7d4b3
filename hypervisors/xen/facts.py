"""Records into facts. Works on whatever records there are: a record that is missing has vanished meanwhile."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from hypervisors.contract import DiskFacts, MachineFacts, NicFacts, Power, SnapshotFacts
from hypervisors.words import block, foreign_part, line
from hypervisors.xen import mapping, marks

Record = Mapping[str, Any]
Table = dict[str, Record]


@dataclass
class Seen:
    """Records by class and reference: of the whole pool, or of one machine."""

    pool: str = ""
    """UUID of the pool."""
    vms: Table = field(default_factory=dict)
    metrics: Table = field(default_factory=dict)
    guests: Table = field(default_factory=dict)
    vbds: Table = field(default_factory=dict)
    vdis: Table = field(default_factory=dict)
    vifs: Table = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    """UUIDs of hosts, storages and networks, by reference."""

    def drives(self, vm: Record) -> list[tuple[Record, str, Record]]:
        """Disks as a guest would number them: drive, reference and record of what is in it; seeds too."""
        found = []
        for ref in mapping.refs(vm["VBDs"]):
            vbd = self.vbds.get(ref)
            if vbd is not None and vbd["type"] == "Disk" and vbd["VDI"] in self.vdis:
                found.append((vbd, str(vbd["VDI"]), self.vdis[vbd["VDI"]]))
        return sorted(found, key=lambda one: (mapping.number(one[0]["userdevice"], 1000), one[0]["uuid"]))

    def disks(self, vm: Record) -> list[tuple[Record, str, Record]]:
        return [one for one in self.drives(vm) if not is_seed(one[2])]

    def snapshots(self, ref: str, vm: Record) -> list[tuple[str, Record]]:
        found = [(one, self.vms[one]) for one in mapping.refs(vm["snapshots"]) if one in self.vms]
        return [(one, snapshot) for one, snapshot in found if snapshot["snapshot_of"] == ref]


def is_seed(vdi: Record) -> bool:
    return marks.SEED in mapping.cells(vdi["other_config"])


def is_half_made(vm: Record) -> bool:
    return bool(vm["is_a_template"]) and marks.HALF_MADE.fullmatch(str(vm["name_label"])) is not None


def is_machine(vm: Record) -> bool:
    return not (vm["is_a_template"] or vm["is_a_snapshot"] or vm["is_control_domain"])


def is_image(seen: Seen, vm: Record) -> bool:
    """A template with a disk of its own. The built-in ones make an empty disk, and install from elsewhere."""
    if not vm["is_a_template"] or vm["is_a_snapshot"] or vm["is_default_template"] or is_half_made(vm):
        return False
    return bool(seen.drives(vm))


def machines(seen: Seen) -> Iterator[tuple[str, Record]]:
    return ((ref, vm) for ref, vm in seen.vms.items() if is_machine(vm))


def machine(seen: Seen, ref: str) -> MachineFacts:
    vm = seen.vms[ref]
    power = mapping.POWER.get(vm["power_state"], Power.UNKNOWN)
    guest = seen.guests.get(vm["guest_metrics"], {}) if power is Power.ON else {}
    return MachineFacts(
        ref=str(vm["uuid"]),
        uuid=marks.uuid_of(vm),
        name=_name(vm["name_label"]),
        power=power,
        vcpus=mapping.number(vm["VCPUs_at_startup"]),
        memory_mib=mapping.mib(vm["memory_dynamic_max"]),
        disks=[_disk(seen, vdi) for _, _, vdi in seen.disks(vm)],
        pool_ref=seen.pool,
        host_ref=seen.places.get(vm["resident_on"], ""),
        addresses=_addresses(mapping.cells(guest.get("networks"))),
        guest_name=line(mapping.cells(guest.get("netbios_name")).get("host_name", "")),
        note=block(foreign_part(str(vm["name_description"])[:20_000])),
        created_at=_created(seen, vm),
        managed_by=marks.managed_by(vm),
        is_template=bool(vm["is_a_template"]) and not is_half_made(vm),
        stamp_operation=marks.operation_of(vm),
        nics=_nics(seen, vm, power),
        snapshots=_snapshots(seen, ref, vm),
        folder=marks.folder(vm),
        labels=marks.labels(vm),
    )


def _name(text: object) -> str:
    """As it is, for it may be looked for; cut, and without what a database or a terminal refuses."""
    said = str(text)[:255]
    return said if said.isprintable() else line(said)


def _disk(seen: Seen, vdi: Record) -> DiskFacts:
    return DiskFacts(
        ref=str(vdi["uuid"]),
        name=line(str(vdi["name_label"])),
        size_mib=mapping.mib(vdi["virtual_size"]),
        datastore_ref=seen.places.get(vdi["SR"], ""),
        key=line(mapping.cells(vdi["other_config"]).get(marks.KEY, ""), 64),
    )


def _nics(seen: Seen, vm: Record, power: Power) -> list[NicFacts]:
    found = [seen.vifs[ref] for ref in mapping.refs(vm["VIFs"]) if ref in seen.vifs]
    found.sort(key=lambda vif: (mapping.number(vif["device"], 1000), vif["uuid"]))
    return [
        NicFacts(
            ref=str(vif["uuid"]),
            mac=line(str(vif["MAC"]).lower(), 17),
            network_ref=seen.places.get(vif["network"], ""),
            connected=vif["locking_mode"] != "disabled" and (power is not Power.ON or bool(vif["currently_attached"])),
        )
        for vif in found
    ]


def _snapshots(seen: Seen, ref: str, vm: Record) -> list[SnapshotFacts]:
    found = seen.snapshots(ref, vm)
    own = {one: str(snapshot["uuid"]) for one, snapshot in found}
    facts = [
        SnapshotFacts(
            ref=str(snapshot["uuid"]),
            name=_name(snapshot["name_label"]),
            created_at=mapping.when(snapshot["snapshot_time"]),
            parent_ref=own.get(snapshot["parent"], ""),
            with_memory=snapshot["power_state"] == "Suspended",
        )
        for _, snapshot in found
    ]
    return _after_their_parents(sorted(facts, key=attrgetter("ref")))


def _after_their_parents(facts: Sequence[SnapshotFacts]) -> list[SnapshotFacts]:
    """Oldest first. Times are whole seconds: within one, what stands before another is older."""
    depth: dict[str, int] = {}
    parents = {one.ref: one.parent_ref for one in facts}
    for ref, parent in parents.items():
        steps, above = 0, parent
        while above in parents and steps < len(parents):
            steps, above = steps + 1, parents[above]
        depth[ref] = steps
    return sorted(facts, key=lambda one: (str(one.created_at or ""), depth[one.ref]))


def _created(seen: Seen, vm: Record) -> Any:
    ours = mapping.cells(vm["other_config"]).get(marks.CREATED) if marks.tied(vm) else None
    return mapping.when(ours) or mapping.when(seen.metrics.get(vm["metrics"], {}).get("install_time"))


def _addresses(networks: Mapping[str, str]) -> list[str]:
    """From `0/ip`, `0/ipv4/0` and `0/ipv6/0`, which may tell the same twice; the guest says what it likes."""
    found: dict[str, None] = {}
    for _, text in sorted(networks.items()):
        try:
            found[str(ipaddress.ip_address(text.partition("%")[0]))] = None
        except ValueError:
            continue
    return list(found)[:50]
