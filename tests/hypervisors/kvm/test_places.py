"""Several hosts in one target, and storage that several hosts have."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from hypervisors.contract import Target
from hypervisors.errors import InvalidRequest
from hypervisors.kvm import domains, places
from hypervisors.kvm.storage import Pool
from hypervisors.kvm.telling import datastore

UNIX = Target("kvm", transport="unix", path="/run/a/libvirt-sock, /run/b/libvirt-sock")
TLS = Target("kvm", transport="tls", address="kvm1.example.org,192.0.2.7 ,2001:db8::1", port=17000)


def test_hosts_are_separated_by_commas() -> None:
    assert [place.uri for place in places.places(UNIX)] == [
        "qemu+unix:///system?socket=/run/a/libvirt-sock",
        "qemu+unix:///system?socket=/run/b/libvirt-sock",
    ]
    assert [(place.said, place.uri) for place in places.places(TLS)] == [
        ("kvm1.example.org", "qemu+tls://kvm1.example.org:17000/system"),
        ("192.0.2.7", "qemu+tls://192.0.2.7:17000/system"),
        ("2001:db8::1", "qemu+tls://[2001:db8::1]:17000/system"),
    ]


@pytest.mark.parametrize(
    ("target", "field"),
    [
        (replace(UNIX, path="/run/a,/run/a"), "path"),
        (replace(UNIX, path="/run/a,"), "path"),
        (replace(UNIX, path=",".join(f"/run/{number}" for number in range(33))), "path"),
        (replace(TLS, address="kvm1.example.org,kvm1.example.org"), "address"),
        (replace(TLS, address="kvm1.example.org,,kvm2.example.org"), "address"),
        (replace(TLS, address="kvm1.example.org,kvm2/x"), "address"),
    ],
)
def test_list_that_makes_no_sense_is_refused(target: Target, field: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^{field}: "):
        places.places(target)


NFS = """<pool type='netfs'><name>{name}</name><uuid>{uuid}</uuid><source><host name='Filer.example.org'/>
  <dir path='/export/vm'/><format type='nfs'/></source><target><path>{path}</path></target></pool>"""
RBD = """<pool type='rbd'><source><name>vms</name><host name='mon2' port='6789'/><host name='mon1' port='6789'/>
  </source></pool>"""
ISCSI = """<pool type='iscsi'><source><host name='san'/><device path='iqn.2026-01.org.example:lun'/></source></pool>"""
DIR = "<pool type='dir'><source/><target><path>/srv/vm</path></target></pool>"


@pytest.mark.parametrize(
    ("xml", "source"),
    [
        (NFS, "netfs:filer.example.org:/export/vm"),
        (RBD, "rbd:mon1,mon2:vms"),
        (ISCSI, "iscsi:san:iqn.2026-01.org.example:lun"),
        (DIR, ""),
    ],
)
def test_source_of_storage_is_told_alike_by_every_host(xml: str, source: str) -> None:
    assert domains.source_of(ET.fromstring(xml)) == source  # noqa: S314 - from here


def test_storage_of_the_network_is_one_and_folders_are_each_hosts_own() -> None:
    nfs = Pool("uuid-1", "machines", True, 10, 5, "/mnt/a", "netfs", "netfs:filer:/export")
    folder = Pool("uuid-2", "machines", True, 10, 5, "/srv/vm")

    one, other = (datastore(nfs, host, alone=False) for host in ("host-1", "host-2"))
    own, others = (datastore(folder, host, alone=False) for host in ("host-1", "host-2"))

    assert (one.ref, one.identity, one.shared) == (other.ref, other.identity, True)
    assert (own.ref, own.identity, own.shared) == ("uuid-2@host-1", "host-1:/srv/vm", False)
    assert len({own.ref, others.ref}) == len({own.identity, others.identity}) == 2
    assert datastore(folder, "host-1", alone=True).ref == "uuid-2"
