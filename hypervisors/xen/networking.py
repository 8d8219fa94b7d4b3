"""Orders on network cards. A card's MAC address follows from the order's key, and finds it again."""

from __future__ import annotations

from contextlib import suppress

from hypervisors.checks import check_key
from hypervisors.contract import AddNic, RemoveNic, mac_of
from hypervisors.errors import NotFound, WrongState
from hypervisors.xen import devices, estate, mapping, marks, notes, storing
from hypervisors.xen.client import Client, Record
from hypervisors.xen.work import Step, Work


def add(work: Work, order: AddNic) -> Step:
    check_key(order.key)
    client = work.client
    ref, vm = estate.lookup(client, order.ref)
    estate.writable(vm)
    network = client.by_uuid("network", order.network_ref)
    mac = mac_of(order.key)
    if found := _with(client, vm, mac):
        step = storing.plug_card(work, vm, found)
        return step or Step(done=True, ref=str(client.record("VIF", found)["uuid"]))
    work.check_failed()
    with notes.alone(client, marks.device_note(order.ref, order.key)):
        if not _with(client, client.record("VM", ref), mac):
            free = [str(device) for device in client.call("VM.get_allowed_VIF_devices", ref)]
            if not free:
                raise WrongState("The machine has as many NICs as it can have.")
            first = min(free, key=lambda device: mapping.number(device, 1000))
            devices.make_card(client, ref, network, device=first, mac=mac, marked={marks.KEY: order.key})
    return Step(percent=50)


def _with(client: Client, vm: Record, mac: str) -> str:
    """The card with this address; empty when there is none."""
    for card in mapping.refs(vm["VIFs"]):
        with suppress(NotFound):
            if str(client.record("VIF", card)["MAC"]).lower() == mac:
                return card
    return ""


def remove(work: Work, order: RemoveNic) -> Step:
    client = work.client
    try:
        ref, vm = estate.lookup(client, order.ref)
        estate.writable(vm)
        card = client.by_uuid("VIF", order.nic_ref)
        vif = client.record("VIF", card)
    except NotFound:
        return Step(done=True)
    if vif["VM"] != ref:
        return Step(done=True)
    if vif["currently_attached"]:
        return devices.unplug(work, "VIF", card)
    with suppress(NotFound):
        client.call("VIF.destroy", card)
    return Step(done=True)
