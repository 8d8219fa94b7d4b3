"""Orders on network cards. A card's MAC address follows from the order's key, and finds it again."""

from __future__ import annotations

from contextlib import suppress

from hypervisors.contract import AddNic, RemoveNic, mac_of
from hypervisors.errors import NotFound, WrongState
from hypervisors.xen import devices, estate, mapping, marks, storing
from hypervisors.xen.work import Step, Work


def add(work: Work, order: AddNic) -> Step:
    marks.check_key(order.key)
    client = work.client
    ref, vm = estate.lookup(client, order.ref)
    estate.writable(vm)
    network = client.by_uuid("network", order.network_ref)
    mac = mac_of(order.key)
    for card in mapping.refs(vm["VIFs"]):
        with suppress(NotFound):
            vif = client.record("VIF", card)
            if str(vif["MAC"]).lower() == mac:
                step = storing.plug_card(work, vm, card)
                return step or Step(done=True, ref=str(vif["uuid"]))
    work.check_failed()
    free = sorted(client.call("VM.get_allowed_VIF_devices", ref), key=lambda device: mapping.number(device, 1000))
    if not free:
        raise WrongState("The machine has as many NICs as it can have.")
    devices.make_card(client, ref, network, device=str(free[0]), mac=mac, marked={marks.KEY: order.key})
    return Step(percent=50)


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
