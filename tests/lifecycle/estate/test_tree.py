"""The estate from above: sums that are those of its machines, in as many queries for many as for few."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache

from lifecycle.estate.models import Datastore, Disk, Endpoint, Host, Pool, Power, Stage
from lifecycle.estate.tree import estate, machines_in
from tests.lifecycle.factories import make_endpoint, make_machine

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forgotten() -> None:
    cache.clear()


@pytest.fixture
def hosts() -> list[Host]:
    pool = Pool.objects.create(endpoint=make_endpoint("North"), ref="p", name="cluster")
    return [
        Host.objects.create(endpoint=pool.endpoint, pool=pool, ref=name, name=name, cpus=32, memory_mib=65536)
        for name in ("one", "two")
    ]


def _on(host: Host, **fields: Any) -> None:
    make_machine(endpoint=host.endpoint, pool=host.pool, host=host, vcpus=2, memory_mib=4096, **fields)


def test_sums_are_those_of_the_machines(hosts: list[Host]) -> None:
    one, two = hosts
    for _number in range(3):
        _on(one)
    _on(two, power=Power.OFF)
    make_machine(endpoint=one.endpoint, pool=one.pool, power=Power.OFF)
    _on(two, stage=Stage.REMOVED, native_ref="")
    make_endpoint("South")

    north, south = estate(one.endpoint)

    assert (north.use.machines, north.use.running, north.use.vcpus, north.use.memory_mib) == (5, 3, 6, 3 * 4096)
    (pool,) = north.pools
    assert (pool.use.machines, pool.cpus, pool.memory_mib) == (5, 64, 131072)
    assert [(node.host.name, node.use.machines, node.use.vcpus) for node in pool.hosts] == [
        ("one", 3, 6),
        ("two", 1, 0),
    ]
    assert (south.opened, south.pools, south.use.machines) == (False, [], 0)


@pytest.mark.parametrize("count", [2, 20])
def test_many_take_as_many_queries_as_few(hosts: list[Host], count: int, django_assert_num_queries) -> None:
    for number in range(count):
        make_endpoint()
        _on(hosts[number % 2])

    with django_assert_num_queries(6):
        estate(hosts[0].endpoint)
    with django_assert_num_queries(4):
        estate(hosts[0].endpoint)


def test_machines_of_a_part(hosts: list[Host]) -> None:
    one, two = hosts
    endpoint: Endpoint = one.endpoint
    store = Datastore.objects.create(endpoint=endpoint, ref="d", name="store")
    here = make_machine("here", endpoint=endpoint, pool=one.pool, host=one)
    make_machine("there", endpoint=endpoint, pool=two.pool, host=two)
    Disk.objects.create(machine=here, ref="d1", name="d1", size_mib=1, datastore=store)
    Disk.objects.create(machine=here, ref="d2", name="d2", size_mib=1, datastore=store)

    def names(**only: object) -> list[str]:
        return list(machines_in(endpoint=endpoint, **only).order_by("name").values_list("name", flat=True))  # type: ignore[arg-type]

    assert names() == names(pool=one.pool) == ["here", "there"]
    assert names(host=one) == names(datastore=store) == ["here"]
