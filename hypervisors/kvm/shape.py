"""What a machine is called, how large it is, and what is written on it. Each function may be called again."""

from __future__ import annotations

from hypervisors.contract import Annotate, Power, Rename, Resize
from hypervisors.errors import Busy, InvalidRequest, NameTaken, WrongState
from hypervisors.kvm import domains
from hypervisors.kvm.client import Client
from hypervisors.kvm.hosts import Hosts
from hypervisors.kvm.power import state
from hypervisors.words import check_name, with_holding


def known(client: Client, uuid: str) -> domains.Domain:
    """Raises NotFound, and Busy for a machine whose XML cannot be understood."""
    domain = domains.understood(client.domain(uuid).xml)
    if domain is None:
        raise Busy("What the host tells of this machine cannot be understood.")
    return domain


def check_size(order: Resize) -> None:
    if order.vcpus < 1 or order.memory_mib < 1:
        raise InvalidRequest("A machine needs a vCPU and memory.")


def resize(client: Client, uuid: str, order: Resize) -> None:
    domain = known(client, uuid)
    if (domain.vcpus, domain.memory_mib) == (order.vcpus, order.memory_mib):
        return
    if state(client, uuid) is not Power.OFF:
        raise WrongState("The machine has to be off for that.")
    client.resize(uuid, vcpus=order.vcpus, memory_mib=order.memory_mib)


def rename(hosts: Hosts, client: Client, uuid: str, order: Rename) -> None:
    """libvirt renames machines that are off, and have neither snapshots nor saved memory."""
    if known(client, uuid).name == order.name:
        return
    check_name(order.name)
    if any(found not in ("", uuid) for _, found in hosts.everyone(lambda host: host.uuid_of(order.name))):
        raise NameTaken(f"Another machine is called {order.name}.")
    if state(client, uuid) is not Power.OFF:
        raise WrongState("The host renames only machines that are off.")
    if client.snapshots(uuid):
        raise WrongState("The machine has snapshots, which know it by its name; it cannot be renamed.")
    client.rename(uuid, order.name)


def annotate(client: Client, uuid: str, order: Annotate) -> None:
    """Title, our part of the description, and our metadata element. What others wrote in all three places stays."""
    if order.stamp is not None and str(order.stamp.uuid) != uuid:
        raise InvalidRequest("The stamp belongs to another machine; nothing was written.")
    domain = known(client, uuid)
    attributes = domains.lease_attributes(order.holding, stamp=order.stamp, before=domain.lease)
    title = domains.merged_title(domain, order.holding)
    description = with_holding(domain.description, order.holding)
    if (attributes, title, description) != (dict(domain.lease), domain.title, domain.description):
        client.annotate(uuid, lease=domains.lease_xml(attributes), title=title, description=description)
