"""What is there: the whole pool in one read of each class, or one machine with its devices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from hypervisors import fields
from hypervisors.contract import (
    DatastoreFacts,
    HostFacts,
    ImageFacts,
    Inventory,
    MachineFacts,
    NetworkFacts,
    PoolFacts,
    Stamp,
)
from hypervisors.errors import HypervisorError, InvalidRequest, NotFound, Unreachable
from hypervisors.words import line
from hypervisors.xen import facts, journal, mapping, marks
from hypervisors.xen.client import Client
from hypervisors.xen.facts import Seen, Table

Record = Mapping[str, Any]
Fact = TypeVar("Fact")

TABLES = {
    "VM": "vms",
    "VM_metrics": "metrics",
    "VM_guest_metrics": "guests",
    "VBD": "vbds",
    "VDI": "vdis",
    "VIF": "vifs",
}
"""Class -> where `Seen` keeps it."""
PLACES = ("host", "SR", "network")
NO_STORAGE = {"iso", "udev"}
"""SR types that hold no disks: libraries of images, and drives of the host."""


class Reader:
    """Reads classes, and notes what could not be read."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.gaps: list[str] = []

    def table(self, cls: str) -> Table:
        try:
            return dict(self.client.records(cls))
        except Unreachable:
            raise
        except HypervisorError as error:
            self.gaps.append(f"Records of the class {cls} could not be read: {error.message}")
            return {}

    def told(self, what: str, rows: Iterable[Any], fact: Callable[[Any], Fact]) -> list[Fact]:
        """A fact of each; a record that is not as records are is a gap, and spoils no other."""
        found = []
        for row in rows:
            try:
                found.append(fact(row))
            except (KeyError, TypeError, ValueError, AttributeError):
                self.gaps.append(f"A record of the {what} is not understood.")
        return found


def whole(reader: Reader) -> tuple[Seen, dict[str, Table]]:
    """All records, and those of hosts, storages, networks and the pool by class."""
    places = {cls: reader.table(cls) for cls in ("pool", *PLACES)}
    pool = next(iter(places["pool"].values()), {})
    uuids = {ref: str(one["uuid"]) for cls in PLACES for ref, one in places[cls].items()}
    tables = {name: reader.table(cls) for cls, name in TABLES.items()}
    return Seen(pool=str(pool.get("uuid", "")), places=uuids, **tables), places


def inventory(client: Client) -> Inventory:
    reader = Reader(client)
    # Before all else: what changes while the records are read is told again by the next look for changes.
    position = str(client.call("event.from", ["pool"], "", 0.0)["token"])
    seen, places = whole(reader)
    metrics, pbds = reader.table("host_metrics"), reader.table("PBD")
    pool, hosts = seen.pool, places["host"]
    usable = {pbd["SR"] for pbd in pbds.values() if pbd["currently_attached"]}
    stores = {ref: sr for ref, sr in places["SR"].items() if holds_disks(sr)}
    reader.gaps += [
        f"No host has the storage {line(str(sr['name_label']), 100)} attached; what it holds is not up to date."
        for ref, sr in stores.items()
        if ref not in usable
    ]
    machines = reader.told("machines", (ref for ref, _ in facts.machines(seen)), lambda ref: facts.machine(seen, ref))
    images = reader.told("images", _images(seen), lambda vm: _image(seen, vm))
    return Inventory(
        pools=reader.told("pool", places["pool"].values(), lambda one: _pool(one, hosts)),
        hosts=reader.told("hosts", hosts.values(), lambda one: _host(one, pool, metrics)),
        datastores=reader.told("storages", stores.values(), _datastore),
        networks=reader.told("networks", _joined(places["network"]), _network),
        images=images,
        machines=machines,
        complete=not reader.gaps,
        gaps=reader.gaps[:100],
        token=journal.begun(position, seen.vms),
    )


def holds_disks(sr: Record) -> bool:
    return sr["content_type"] != "iso" and sr["type"] not in NO_STORAGE and not sr.get("is_tools_sr")


def _images(seen: Seen) -> list[Record]:
    return [vm for vm in seen.vms.values() if facts.is_image(seen, vm)]


def _image(seen: Seen, vm: Record) -> ImageFacts:
    _, _, first = seen.drives(vm)[0]
    return ImageFacts(str(vm["uuid"]), line(str(vm["name_label"])), mapping.mib(first["virtual_size"]))


def _pool(pool: Record, hosts: Table) -> PoolFacts:
    """A pool of one host has no name of its own, and goes by its host's."""
    name = pool["name_label"] or hosts.get(pool["master"], {}).get("name_label", "")
    return PoolFacts(str(pool["uuid"]), line(str(name)))


def _host(host: Record, pool: str, metrics: Table) -> HostFacts:
    known = metrics.get(host["metrics"], {})
    return HostFacts(
        ref=str(host["uuid"]),
        name=line(str(host["name_label"])),
        pool_ref=pool,
        cpus=mapping.number(mapping.cells(host["cpu_info"]).get("cpu_count")),
        memory_mib=mapping.number(known.get("memory_total")) // mapping.MIB,
        connected=bool(host["enabled"] and known.get("live")),
    )


def _datastore(sr: Record) -> DatastoreFacts:
    """A storage carries its UUID on itself, so that two pools that mount the same one tell the same."""
    size, used = mapping.number(sr["physical_size"]), mapping.number(sr["physical_utilisation"])
    return DatastoreFacts(
        ref=str(sr["uuid"]),
        name=line(str(sr["name_label"])),
        capacity_mib=size // mapping.MIB,
        free_mib=max(0, size - used) // mapping.MIB,
        identity=f"xen-sr:{sr['uuid']}",
        shared=bool(sr["shared"]),
    )


def _joined(networks: Table) -> list[Record]:
    """Without the one between a host and its own guests."""
    return [one for one in networks.values() if not is_internal(one)]


def is_internal(network: Record) -> bool:
    return mapping.cells(network["other_config"]).get("is_host_internal_management_network") == "true"


def _network(network: Record) -> NetworkFacts:
    return NetworkFacts(str(network["uuid"]), line(str(network["name_label"])))


class Places:
    """UUIDs of what stays: hosts, storages, networks and the pool. Read once, and again for a reference that is new."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._uuids: dict[str, str] = {}
        self.pool = ""

    def uuids(self, needed: Iterable[str]) -> dict[str, str]:
        if not self.pool or any(ref not in self._uuids for ref in needed if ref != mapping.NULL):
            self.pool = str(next(iter(self._client.records("pool").values()))["uuid"])
            tables = [self._client.records(cls) for cls in PLACES]
            self._uuids = {ref: str(one["uuid"]) for table in tables for ref, one in table.items()}
        return self._uuids


def around(client: Client, places: Places, ref: str, vm: Record | None = None) -> Seen:
    """One VM with its devices and snapshots. Raises NotFound when it is gone; what vanishes on the way is left out."""
    seen = Seen(vms={ref: vm or client.record("VM", ref)})
    vm = seen.vms[ref]
    _fill(client, "VM", seen.vms, mapping.refs(vm["snapshots"]))
    _fill(client, "VBD", seen.vbds, mapping.refs(vm["VBDs"]))
    _fill(client, "VDI", seen.vdis, (vbd["VDI"] for vbd in seen.vbds.values() if vbd["type"] == "Disk"))
    _fill(client, "VIF", seen.vifs, mapping.refs(vm["VIFs"]))
    _fill(client, "VM_metrics", seen.metrics, [vm["metrics"]])
    _fill(client, "VM_guest_metrics", seen.guests, [vm["guest_metrics"]])
    needed = {vm["resident_on"], *(vdi["SR"] for vdi in seen.vdis.values())}
    seen.places = places.uuids(needed | {vif["network"] for vif in seen.vifs.values()})
    seen.pool = places.pool
    return seen


def _fill(client: Client, cls: str, table: Table, refs: Iterable[str]) -> None:
    for ref in refs:
        if ref not in table and ref != mapping.NULL:
            with suppress(NotFound):
                table[ref] = client.record(cls, ref)


def host_with(client: Client, sr: str) -> str:
    """Address of a host that has this storage attached; empty for the coordinator, which is asked if it can be."""
    pool = next(iter(client.records("pool").values()))
    found = {
        str(pbd["host"]) for pbd in client.records("PBD").values() if pbd["SR"] == sr and pbd["currently_attached"]
    }
    if pool["master"] in found or not found:
        return ""
    address = str(client.record("host", min(found))["address"])
    fields.host(address)
    return address


def lookup(client: Client, uuid: str) -> tuple[str, Record]:
    """A machine or an image, by what we call it. Raises NotFound for anything else."""
    ref = client.by_uuid("VM", uuid)
    vm = client.record("VM", ref)
    if vm["is_a_snapshot"] or vm["is_control_domain"]:
        raise NotFound("The pool does not have this machine.")
    return ref, vm


def writable(vm: Record) -> None:
    """Raises InvalidRequest for images, and for what something else manages."""
    if vm["is_a_template"] and not facts.is_half_made(vm):
        raise InvalidRequest("This is an image, and not a machine; nothing was touched.")
    manager = marks.managed_by(vm)
    if manager:
        raise InvalidRequest(f"Something else manages this machine ({manager}); nothing was touched.")


def machine(client: Client, places: Places, uuid: str) -> MachineFacts:
    ref, vm = lookup(client, uuid)
    return facts.machine(around(client, places, ref, vm), ref)


def stamped(client: Client, stamp: Stamp) -> list[str]:
    """References of VMs with this stamp, half-made ones first. Each VM is looked at only when the quick look fails."""
    return stamped_quickly(client, stamp) or _carrying(client.records("VM"), stamp)


def stamped_quickly(client: Client, stamp: Stamp) -> list[str]:
    """By what people hardly ever change: the name while it is half-made, its first disk's name, a UUID of its own."""
    name = marks.working_name(stamp)
    candidates = {*client.named("VM", name), *_with_disk(client, name)}
    with suppress(NotFound):  # a machine that we took over has its own UUID for ours
        candidates.add(client.by_uuid("VM", str(stamp.uuid)))
    found: Table = {}
    _fill(client, "VM", found, candidates)
    return _carrying(found, stamp)


def _with_disk(client: Client, name: str) -> Sequence[str]:
    """VMs whose disk has this name: our first disks keep it when the machine is called otherwise."""
    vdis: Table = {}
    vbds: Table = {}
    _fill(client, "VDI", vdis, client.named("VDI", name))
    _fill(client, "VBD", vbds, (ref for vdi in vdis.values() for ref in mapping.refs(vdi["VBDs"])))
    return [str(vbd["VM"]) for vbd in vbds.values()]


def _carrying(vms: Mapping[str, Record], stamp: Stamp) -> list[str]:
    found = [
        (not vm["is_a_template"], str(vm["uuid"]), ref)
        for ref, vm in vms.items()
        if not vm["is_a_snapshot"] and not vm["is_control_domain"] and marks.carries(vm, stamp)
    ]
    return [ref for _, _, ref in sorted(found)]
