"""What real servers tell of use ends up in the hours of their machines, once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from hypervisors.contract import Target
from lifecycle.estate import connections
from lifecycle.estate.models import Endpoint, Machine, UsageHour, UsageMark
from lifecycle.estate.usage import collect
from tests.hypervisors.kvm.bench import KvmBench
from tests.hypervisors.vmware.bench import VcenterBench
from tests.hypervisors.xen.bench import XenBench
from tests.lifecycle.factories import make_endpoint, make_machine
from tests.rigs.libvirt import LibvirtRig
from tests.rigs.libvirt.fixtures import libvirt_rig
from tests.rigs.vcenter import VcenterRig
from tests.rigs.vcenter.fixtures import vcenter_rig
from tests.rigs.xapi import XapiRig
from tests.rigs.xapi.fixtures import xapi_rig

__all__ = ["libvirt_rig", "vcenter_rig", "xapi_rig"]

pytestmark = [pytest.mark.rig, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    connections.close_all()


def known(target: Target, ref: str) -> Machine:
    """A running machine of an endpoint that is only watched."""
    fields = {name: getattr(target, name) for name in ("kind", "address", "port", "transport", "path", "username")}
    endpoint = make_endpoint(mode=Endpoint.Mode.OBSERVE, secret=target.secret, ca_pem=target.ca_pem, **fields)
    return make_machine(endpoint=endpoint, native_ref=ref, vcpus=0, memory_mib=0)


def test_libvirt_counts_from_the_start_and_is_compared(libvirt_rig: LibvirtRig) -> None:
    with closing(KvmBench(libvirt_rig)) as bench:
        machine = known(libvirt_rig.target(), bench.make_by_hand("used", on=True))
        first = collect(machine.endpoint)
        time.sleep(1.1)
        second = collect(machine.endpoint)

    assert (first.answered, first.added, second.added) == (True, 0, 1)
    rows = list(UsageHour.objects.filter(machine=machine))
    assert 1 <= sum(row.seconds for row in rows) < 60
    assert UsageMark.objects.get().cpu_ms is not None


def test_a_pool_of_xen_hosts_tells_a_minute(xapi_rig: XapiRig) -> None:
    with closing(XenBench(xapi_rig)) as bench:
        machine = known(xapi_rig.target(), bench.make_by_hand("used", on=True))
        result = collect(machine.endpoint)

    assert (result.answered, result.added) == (True, 1)
    assert 0 < sum(UsageHour.objects.values_list("seconds", flat=True)) <= 60


def test_a_vcenter_tells_twenty_seconds(vcenter_rig: VcenterRig) -> None:
    with closing(VcenterBench(vcenter_rig)) as bench:
        machine = known(vcenter_rig.target(), bench.make_by_hand("used", on=True))
        result = collect(machine.endpoint)

    assert (result.answered, result.added) == (True, 1)
    assert sum(UsageHour.objects.values_list("seconds", flat=True)) == 20
