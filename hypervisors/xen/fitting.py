"""What a clone is given before it becomes a machine: stamp, size, disk and network. Each may be done again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hypervisors.contract import CreateMachine
from hypervisors.errors import WrongState
from hypervisors.words import holding_block
from hypervisors.xen import devices, estate, mapping, marks
from hypervisors.xen.client import Client
from hypervisors.xen.facts import Seen
from hypervisors.xen.work import Work

Record = Mapping[str, Any]

SOCKET = "cores-per-socket"


def stamp(client: Client, order: CreateMachine, ref: str, vm: Record) -> None:
    """One call for all of it. Nobody else writes here yet; what the image's own machine carried goes."""
    before = mapping.cells(vm["other_config"])
    kept = {key: value for key, value in before.items() if not key.startswith(marks.PREFIX) and key != "disks"}
    made = before.get(marks.CREATED) if marks.tied(vm) == order.stamp.uuid else None
    ours = marks.stamp(order.stamp, str(vm["uuid"])) | {key: v for key, v in marks.holding(order.holding).items() if v}
    ours[marks.CREATED] = made or datetime.now(UTC).strftime("%Y%m%dT%H:%M:%SZ")
    if kept | ours != before:
        client.call("VM.set_other_config", ref, kept | ours)
    note = holding_block(order.holding)
    if vm["name_description"] != note:
        client.call("VM.set_name_description", ref, note)


def resize(client: Client, ref: str, vm: Record, vcpus: int, memory_mib: int) -> None:
    """More vCPUs: first those that may be, then those that are; fewer: the other way round.

    XAPI starts no machine whose vCPUs do not fill its sockets.
    """
    platform = mapping.cells(vm["platform"])
    if vcpus % max(1, mapping.number(platform.get(SOCKET), 1)):
        client.call("VM.set_platform", ref, platform | {SOCKET: "1"})
    calls = [("VM.set_VCPUs_max", vm["VCPUs_max"]), ("VM.set_VCPUs_at_startup", vm["VCPUs_at_startup"])]
    for method, present in calls if vcpus >= mapping.number(vm["VCPUs_max"]) else reversed(calls):
        if mapping.number(present) != vcpus:
            client.call(method, ref, str(vcpus))
    limits = [vm[f"memory_{kind}"] for kind in ("static_min", "static_max", "dynamic_min", "dynamic_max")]
    wanted = str(memory_mib * mapping.MIB)
    if limits != [wanted] * 4:
        client.call("VM.set_memory_limits", ref, *[wanted] * 4)


def disk(client: Client, order: CreateMachine, disks: Sequence[tuple[Record, str, Record]]) -> str:
    """The first disk gets its size, and the name by which the machine is found. Returns where it lies."""
    if not disks:
        raise WrongState("The new machine has lost its disk.")
    _, ref, vdi = disks[0]
    name = marks.working_name(order.stamp)
    if vdi["name_label"] != name:
        client.call("VDI.set_name_label", ref, name)
    wanted = order.disk_mib * mapping.MIB
    if mapping.number(vdi["virtual_size"]) < wanted:
        client.call("VDI.resize", ref, str(wanted))
    return str(vdi["SR"])


def network(work: Work, order: CreateMachine, ref: str, seen: Seen) -> None:
    client = work.client
    cards = [(seen.vifs[vif]["device"], vif) for vif in mapping.refs(seen.vms[ref]["VIFs"]) if vif in seen.vifs]
    first = min(cards, default=("0", ""))
    if order.network_ref:
        wanted = client.by_uuid("network", order.network_ref)
    elif cards:
        return
    else:
        networks = [(str(one["name_label"]), net) for net, one in client.records("network").items()
                    if not estate.is_internal(one)]  # fmt: skip
        wanted = min(networks, default=("", ""))[1]
    if not wanted or (first[1] and seen.vifs[first[1]]["network"] == wanted):
        return
    if first[1]:
        client.call("VIF.destroy", first[1])
    devices.make_card(client, ref, wanted, device=str(first[0]))
