"""What is there: an inventory of all hosts, what changed in it, and single machines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from hypervisors import marks
from hypervisors.contract import (
    Changes,
    DatastoreFacts,
    HostFacts,
    ImageFacts,
    Inventory,
    MachineFacts,
    NetworkFacts,
    PoolFacts,
    Stamp,
)
from hypervisors.errors import HypervisorError, NotFound
from hypervisors.kvm import domains
from hypervisors.kvm.client import Client
from hypervisors.kvm.hosts import Hosts, is_on
from hypervisors.kvm.looking import Seen
from hypervisors.kvm.storage import IMAGE_SUFFIX
from hypervisors.kvm.telling import POOL_REF, Look, Teller, datastore, leases_of, machines_of, whole
from hypervisors.words import line

Looks = Sequence[tuple[Client, Look]]


def inventory(hosts: Hosts) -> Inventory:
    asked = hosts.ask(whole, last=True)
    looks = asked.answers
    refs = references(looks)
    machines = _machines(hosts, looks, refs)
    gaps = gaps_of(looks, asked.silent)
    datastores: dict[str, DatastoreFacts] = {}
    images: dict[str, ImageFacts] = {}
    for _client, look in looks:
        for pool in look.pools:
            told = datastore(pool, look.host.ref, alone=hosts.alone)
            datastores.setdefault(told.ref, told)
        for ref, volume in look.images:
            images.setdefault(ref, ImageFacts(ref, line(ref.removesuffix(IMAGE_SUFFIX)), volume.capacity_mib))
    told_hosts = [look.host for _client, look in looks]
    return Inventory(
        complete=not gaps,
        pools=[PoolFacts(POOL_REF, line(", ".join(host.name for host in told_hosts)))],
        hosts=[HostFacts(host.ref, line(host.name), POOL_REF, host.cpus, host.memory_mib) for host in told_hosts],
        datastores=list(datastores.values()),
        networks=[
            NetworkFacts(name, line(name)) for name in sorted({name for _, look in looks for name in look.networks})
        ],
        images=list(images.values()),
        machines=machines,
        gaps=gaps,
        token=marks.pack(_marks(hosts, looks, refs)),
    )


def changes(hosts: Hosts, token: str) -> Changes:
    """Every XML is fetched, and only those that are not as they were are understood."""
    before = marks.unpack(token)
    asked = hosts.ask(machines_of, last=True)
    looks = asked.answers
    refs = references(looks)
    now = _marks(hosts, looks, refs)
    differing, gone = marks.changed(before, now)
    partial = bool(asked.silent) or any(look.gaps for _, look in looks)
    if partial:  # what a silent host has is not gone
        now = {**(before or {}), **now}
        gone = []
    machines = _machines(hosts, looks, refs, only=set(differing))
    gaps = gaps_of(looks, asked.silent)
    return Changes(marks.pack(now), before is None, machines, gone, complete=not gaps, gaps=gaps)


def _marks(hosts: Hosts, looks: Looks, refs: Mapping[tuple[str, str], str]) -> dict[str, str]:
    now: dict[str, str] = {}
    for client, look in looks:
        teller = Teller(client, look, hosts.alone)
        now |= {refs[(look.host.ref, seen.uuid)]: marks.mark(teller.marked(seen)) for seen in look.seen}
    return now


def references(looks: Looks) -> Mapping[tuple[str, str], str]:
    """By host and UUID. Of several machines with the same UUID, the one that runs has it for its reference, else that
    of the first host; the others' names their host."""
    holders: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for _client, look in looks:
        for seen in look.seen:
            holders[seen.uuid].append((look.host.ref, seen.state))
    refs = {}
    for uuid, there in holders.items():
        first, *others = sorted(there, key=lambda one: not is_on(one[1])) if len(there) > 1 else there
        refs[(first[0], uuid)] = uuid
        refs |= {(host, uuid): f"{uuid}@{host}" for host, _state in others}
    return refs


def _machines(
    hosts: Hosts, looks: Looks, refs: Mapping[tuple[str, str], str], *, only: set[str] | None = None
) -> list[MachineFacts]:
    found = []
    for client, look in looks:
        teller = Teller(client, look, hosts.alone)
        for seen in look.seen:
            ref = refs[(look.host.ref, seen.uuid)]
            if only is not None and ref not in only:
                continue
            try:
                found.append(teller.facts(seen, ref))
            except ValueError:
                look.gaps.append(f"Machine {seen.uuid} could not be read.")
    return found


def gaps_of(looks: Looks, silent: Iterable[tuple[str, HypervisorError]]) -> list[str]:
    found = [f"Host {line(said)}: {error.message}" for said, error in silent]
    return [*found, *(gap for _client, look in looks for gap in look.gaps)]


def machine(hosts: Hosts, ref: str) -> MachineFacts:
    """Raises NotFound."""
    client, uuid = hosts.holder(ref)
    return _alone(hosts, client, client.domain(uuid, sizes=True), ref)


def _alone(hosts: Hosts, client: Client, seen: Seen, ref: str) -> MachineFacts:
    look = Look(client.host(), [seen], client.pools(), leases=leases_of(client))
    try:
        return Teller(client, look, hosts.alone).facts(seen, ref)
    except ValueError:
        raise HypervisorError("What the host tells of this machine cannot be understood.") from None


def find(hosts: Hosts, stamp: Stamp) -> list[MachineFacts]:
    """That none is there is said only when all hosts say so."""
    asked = hosts.ask(lambda client: stamped(client, stamp))
    there = [(client, seen) for client, seen in asked.answers if seen is not None]
    if not there:
        asked.whole()
    there.sort(key=lambda one: not is_on(one[1].state))
    uuid = str(stamp.uuid)
    refs = [uuid, *(f"{uuid}@{client.identity}" for client, _seen in there[1:])]
    return [_alone(hosts, client, seen, ref) for ref, (client, seen) in zip(refs, there, strict=False)]


def stamped(client: Client, stamp: Stamp) -> Seen | None:
    """The machine that carries this stamp on this host, operation and UUID both."""
    try:
        seen = client.domain(str(stamp.uuid))
    except NotFound:
        return None
    domain = domains.understood(seen.xml)
    return seen if domain and domain.lease.get("operation") == stamp.operation else None
