"""Adding and removing a machine's NICs. Each function looks first, and may be called again."""

from __future__ import annotations

from hypervisors.checks import check_key
from hypervisors.contract import AddNic, Handle, Progress, RemoveNic, mac_of
from hypervisors.errors import InvalidRequest, WrongState
from hypervisors.kvm import owning
from hypervisors.kvm.client import Client
from hypervisors.kvm.definitions import card_xml
from hypervisors.kvm.disks import let_go
from hypervisors.kvm.domains import Domain, Nic
from hypervisors.kvm.placement import find_network


def check(order: AddNic) -> None:
    check_key(order.key)
    if not order.network_ref:
        raise InvalidRequest("A NIC needs a network.")


def add(client: Client, uuid: str, order: AddNic) -> Progress:
    mac = mac_of(order.key)
    found = owning.forms(client, uuid)
    live = found.live is not None and _nic(found.live, mac) is None
    config = found.defined is not None and _nic(found.defined, mac) is None
    if live or config:
        xml = card_xml(mac, find_network(client, order.network_ref), once=True)
        try:
            client.attach(uuid, xml, live=live, config=config)
        except (InvalidRequest, WrongState):  # another worker with the same order was first: its name is taken
            if _both_lack(owning.forms(client, uuid), mac):
                raise
    return Progress(done=True, percent=100, step="network", ref=mac)


def _nic(domain: Domain, mac: str) -> Nic | None:
    return next((nic for nic in domain.nics if nic.mac == mac), None)


def _both_lack(found: owning.Forms, mac: str) -> bool:
    return not any(domain and _nic(domain, mac) for domain in (found.live, found.defined))


def remove(client: Client, uuid: str, order: RemoveNic, handle: Handle) -> Progress:
    found = owning.forms(client, uuid)
    live = _nic(found.live, order.nic_ref) if found.live else None
    defined = _nic(found.defined, order.nic_ref) if found.defined else None
    if live is not None:
        return let_go(client, uuid, live.alias, handle, step="network")
    if defined is not None:
        client.detach_defined(uuid, card_xml(defined.mac, defined.network))
    return Progress(done=True, percent=100, step="network")
