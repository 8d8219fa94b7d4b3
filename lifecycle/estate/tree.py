"""The estate from above: endpoints, what they consist of, and how much of it is given away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from lifecycle.estate.models import LIVE, Datastore, Endpoint, Host, Machine, Pool, Power
from lifecycle.estate.models.machines import MachineQuerySet

KEPT = 60
"""Seconds for which sums over an endpoint's machines are kept: they change with its scans, and those are rarer."""

Sums = tuple[int, int, int, int]


@dataclass(slots=True)
class Use:
    """What machines take: their number, how many of them run, and what the running ones were given."""

    machines: int = 0
    running: int = 0
    vcpus: int = 0
    memory_mib: int = 0

    def add(self, sums: Sums) -> None:
        machines, running, vcpus, memory_mib = sums
        self.machines += machines
        self.running += running
        self.vcpus += vcpus
        self.memory_mib += memory_mib


@dataclass(slots=True)
class HostNode:
    host: Host
    use: Use = field(default_factory=Use)


@dataclass(slots=True)
class PoolNode:
    pool: Pool
    hosts: list[HostNode] = field(default_factory=list)
    use: Use = field(default_factory=Use)
    """Of all its machines, also those that lie on no host because they are off."""

    @property
    def cpus(self) -> int:
        return sum(node.host.cpus for node in self.hosts)

    @property
    def memory_mib(self) -> int:
        return sum(node.host.memory_mib for node in self.hosts)


@dataclass(slots=True)
class EndpointNode:
    endpoint: Endpoint
    use: Use = field(default_factory=Use)
    pools: list[PoolNode] = field(default_factory=list)
    datastores: list[Datastore] = field(default_factory=list)
    opened: bool = False
    """Only of an opened one the parts are known."""


def estate(opened: Endpoint | None = None) -> list[EndpointNode]:
    """All endpoints; of one of them also its clusters, hosts and datastores. Few queries, whatever their number."""
    sums = _by_endpoint()
    nodes = [EndpointNode(endpoint) for endpoint in Endpoint.objects.order_by("name", "pk")]
    for node in nodes:
        node.use.add(sums.get(node.endpoint.pk, (0, 0, 0, 0)))
        if opened is not None and node.endpoint.pk == opened.pk:
            _open(node)
    return nodes


def _open(node: EndpointNode) -> None:
    parts = {"endpoint": node.endpoint, "gone": False}
    node.opened = True
    node.pools = [PoolNode(pool) for pool in Pool.objects.filter(**parts)]
    node.datastores = list(Datastore.objects.filter(**parts))
    pools = {each.pool.pk: each for each in node.pools}
    hosts = {host.pk: HostNode(host) for host in Host.objects.filter(**parts)}
    for host_node in hosts.values():
        if (pool := pools.get(host_node.host.pool_id or 0)) is not None:
            pool.hosts.append(host_node)
    for pool_id, host_id, sums in _by_host(node.endpoint):
        if pool_id in pools:
            pools[pool_id].use.add(sums)
        if host_id in hosts:
            hosts[host_id].use.add(sums)


def _by_endpoint() -> dict[int, Sums]:
    def ask() -> dict[int, Sums]:
        return {endpoint: tuple(sums) for endpoint, *sums in _summed("endpoint")}

    return cache.get_or_set("estate.by_endpoint", ask, KEPT) or {}


def _by_host(endpoint: Endpoint) -> list[tuple[int | None, int | None, Sums]]:
    def ask() -> list[tuple[int | None, int | None, Sums]]:
        return [(pool, host, tuple(sums)) for pool, host, *sums in _summed("pool", "host", endpoint=endpoint)]

    return cache.get_or_set(f"estate.by_host.{endpoint.pk}", ask, KEPT) or []


def _summed(*columns: str, **only: Any) -> Iterable[Any]:
    running = Q(power=Power.ON)
    return (
        Machine.objects.filter(stage__in=LIVE, missing_since=None, **only)
        .order_by()
        .values_list(*columns)
        .annotate(
            machines=Count("pk"),
            running=Count("pk", filter=running),
            given=Coalesce(Sum("vcpus", filter=running), 0),
            memory=Coalesce(Sum("memory_mib", filter=running), 0),
        )
    )


def machines_in(
    *, endpoint: Endpoint, pool: Pool | None = None, host: Host | None = None, datastore: Datastore | None = None
) -> MachineQuerySet:
    """Machines that are there, in one part of an endpoint."""
    found = Machine.objects.filter(endpoint=endpoint, stage__in=LIVE, missing_since=None)
    if pool is not None:
        found = found.filter(pool=pool)
    if host is not None:
        found = found.filter(host=host)
    if datastore is not None:
        found = found.filter(pk__in=datastore.disks.order_by().values("machine"))
    return found
