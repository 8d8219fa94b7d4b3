"""Taking the seed out of a machine once it was read, and off the host."""

from __future__ import annotations

from contextlib import suppress

from hypervisors.contract import DetachSeed, Stamp
from hypervisors.errors import InvalidRequest, NotFound
from hypervisors.kvm import owning
from hypervisors.kvm.client import Client
from hypervisors.kvm.definitions import empty_drive_xml, seed_name
from hypervisors.kvm.domains import Domain


def detach(client: Client, uuid: str, order: DetachSeed) -> None:
    """First from the machine: whoever comes later still finds the file by its name."""
    if str(order.stamp.uuid) != uuid:
        raise InvalidRequest("The stamp belongs to another machine; nothing was touched.")
    name = seed_name(order.stamp.operation)
    found = owning.forms(client, uuid)
    live, config = _has(found.live, name), _has(found.defined, name)
    if live or config:
        client.change_medium(uuid, empty_drive_xml(), live=live, config=config)
    delete_seed(client, order.stamp)


def _has(domain: Domain | None, name: str) -> bool:
    return domain is not None and any(medium.path.rpartition("/")[2] == name for medium in domain.media)


def delete_seed(client: Client, stamp: Stamp) -> None:
    """Whoever else has put it into a drive: it is ours by its name, and holds what nobody else should read."""
    name = seed_name(stamp.operation)
    for pool in owning.own_pools(client):
        if client.volume(pool.name, name) is None:
            with suppress(NotFound):
                client.refresh(pool.name)  # a file that was half-made when the host stopped is not known to it yet
        owning.delete(client, pool.name, name)
