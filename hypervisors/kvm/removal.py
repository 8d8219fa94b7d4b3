"""Taking a machine away: stop it, delete its own disks, and forget it last, so that a second attempt finds the rest."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from hypervisors.contract import Power, Stamp
from hypervisors.errors import InvalidRequest, NotFound, WrongState
from hypervisors.kvm import domains, owning, telling
from hypervisors.kvm.client import Client
from hypervisors.kvm.definitions import disk_name, is_added_to, is_seed, seed_name
from hypervisors.kvm.estate import stamped
from hypervisors.kvm.hosts import Hosts, bare
from hypervisors.kvm.looking import Seen
from hypervisors.kvm.seeding import delete_seed

logger = logging.getLogger(__name__)


def check(ref: str, uuid: UUID) -> None:
    if bare(ref) != str(uuid):
        raise InvalidRequest("The machine behind this reference is another one; nothing was removed.")


def remove(hosts: Hosts, client: Client, uuid: str) -> list[str]:
    """Disks that were left because they are not the machine's own. WrongState, touching nothing, while disks of others
    lie on one of its own."""
    owning.own_pools(client)
    try:
        disks = _settled_disks(client, uuid)
    except NotFound:
        return []
    own, left = _sorted(hosts, client, uuid, disks)
    _stop(client, uuid)
    for place in own:
        owning.delete(client, *place)
    _delete_unattached(hosts, client, uuid)
    _delete_seed_of(client, uuid)
    _forget(client, uuid)
    for source in left:
        logger.warning("Disk %s of removed machine %s was left: it is not its own.", source, uuid)
    return left


def _settled_disks(client: Client, uuid: str) -> list[domains.Disk]:
    """All disks of a machine and of its snapshots, once its definition names them: it outlives what runs."""
    live, defined = client.forms(uuid)
    running = domains.read(live).disks
    known = {disk.source for disk in domains.read(defined).disks} if defined else set()
    if not {disk.source for disk in running} <= known:
        client.define(live)
    then = [domains.understood(one.domain) for one in telling.understood(client.snapshots(uuid))]
    every = [*running, *(domains.read(defined).disks if defined else ())]
    every += [disk for domain in then if domain for disk in domain.disks]
    return list({disk.source: disk for disk in reversed(every) if disk.source}.values())


def _sorted(
    hosts: Hosts, client: Client, uuid: str, disks: Iterable[domains.Disk]
) -> tuple[list[tuple[str, str]], list[str]]:
    """Places of disks in our pools that nothing else uses, and the sources of all others."""
    pools = owning.own_pools(client)
    used = owning.uses(hosts, client, but=uuid)
    own, left = [], []
    every = {disk.path for disk in disks}
    for disk in disks:
        place = owning.place_of(client, disk)
        pool = next((pool for pool in pools if pool.holds(disk)), None)
        if place is None and pool is not None:
            client.refresh(pool.name)  # put there by hand, or deleted by an earlier attempt
            place = client.locate(disk.path)
            if place is None:
                continue
        names = owning.names_of(client, disk, place) if place else set()
        ours = place is not None and place[0] in {pool.name for pool in pools} and not disk.shared
        if ours and used.lie_on(names, but=every):
            raise WrongState("Other disks lie on a disk of this machine; it must stay.")
        if place is not None and ours and not names & used.machines:
            own.append(place)
        else:
            left.append(disk.source)
    return own, left


def _stop(client: Client, uuid: str) -> None:
    with suppress(WrongState, NotFound):  # it does not run
        client.destroy(uuid)


def _delete_unattached(hosts: Hosts, client: Client, uuid: str) -> None:
    """Disks that were made to be added to this machine, and never were."""
    pools = [pool.name for pool in owning.own_pools(client)]
    made = [(pool, name) for pool in pools for name in client.volume_names(pool) if is_added_to(UUID(uuid), name)]
    used = owning.uses(hosts, client, but=uuid) if made else None
    for place in made:
        found = client.volume(*place)
        path = found[0].ref if found else ""
        if used is not None and path not in used.machines and not used.lie_on({path}):
            owning.delete(client, *place)


def _delete_seed_of(client: Client, uuid: str) -> None:
    """By the stamp that it carries, where that is its own and no copy of another's."""
    with suppress(NotFound):
        domain = domains.understood(client.domain(uuid).xml)
        if domain is not None and domain.lease.get("uuid") == uuid and domain.lease.get("operation"):
            delete_seed(client, Stamp(domain.lease["operation"], UUID(uuid)))


def _forget(client: Client, uuid: str) -> None:
    with suppress(NotFound):
        client.undefine(uuid)


def discard(hosts: Hosts, stamp: Stamp) -> None:
    """What a failed creation left: its machine by operation and UUID, its disk and seed by the names that follow from
    them. All hosts have to answer."""
    answers = hosts.everyone(lambda client: (stamped(client, stamp), owning.own_pools(client)))
    made = {client: seen for client, (seen, _pools) in answers if seen is not None}
    if len(made) > 1 and any(_is_finished(seen) for seen in made.values()):
        raise WrongState("Several machines carry this stamp, and one of them is finished; nothing was removed.")
    for client, _found in answers:
        _discard_on(hosts, client, stamp, made=client in made)


def _is_finished(seen: Seen) -> bool:
    """It runs, and nothing lies behind its disks any more."""
    domain = domains.understood(seen.xml)
    return telling.power_of(seen) is Power.ON and domain is not None and not any(disk.chain for disk in domain.disks)


def _discard_on(hosts: Hosts, client: Client, stamp: Stamp, *, made: bool) -> None:
    uuid = str(stamp.uuid)
    if made:
        remove(hosts, client, uuid)
    used = owning.uses(hosts, client)
    for pool in owning.own_pools(client):
        for name in (disk_name(stamp), seed_name(stamp.operation)):
            _discard_file(client, pool.name, name, used, made=made)


def _discard_file(client: Client, pool: str, name: str, used: owning.Uses, *, made: bool) -> None:
    """What a machine of the same operation and another UUID has is that machine's."""
    found = client.volume(pool, name)
    if found is None:
        client.refresh(pool)  # a file that was half-made when the host stopped is not known to it yet
        found = client.volume(pool, name)
    if found is None:
        return
    path = found[0].ref
    if (made and is_seed(name)) or (path not in used.machines and not used.lie_on({path})):
        owning.delete(client, pool, name)
    elif made:
        raise WrongState("Another machine has the disk that was made for this one; it was left.")
