"""`check_endpoint` against real servers: all that it asks is answered, and nothing there is changed."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from hypervisors.contract import Target
from tests.lifecycle.factories import make_endpoint
from tests.rigs.libvirt import LibvirtRig
from tests.rigs.libvirt.fixtures import libvirt_rig, tls_rig
from tests.rigs.vcenter import VcenterRig
from tests.rigs.vcenter.fixtures import vcenter_rig
from tests.rigs.xapi import XapiRig
from tests.rigs.xapi.fixtures import xapi_rig

__all__ = ["libvirt_rig", "tls_rig", "vcenter_rig", "xapi_rig"]

pytestmark = [pytest.mark.rig, pytest.mark.django_db]


def said(target: Target, capsys: pytest.CaptureFixture[str]) -> str:
    fields = {name: getattr(target, name) for name in ("kind", "address", "port", "transport", "path", "username")}
    make_endpoint(name="Rack 4", mode="observe", secret=target.secret, ca_pem=target.ca_pem, **fields)
    call_command("check_endpoint", "Rack 4")
    captured = capsys.readouterr()
    words = captured.out + captured.err
    assert not target.secret or target.secret not in words
    return words


def test_a_vcenter_is_checked(vcenter_rig: VcenterRig, capsys: pytest.CaptureFixture[str]) -> None:
    assert "VMware" in said(vcenter_rig.target(), capsys)


def test_a_pool_of_xen_hosts_is_checked(xapi_rig: XapiRig, capsys: pytest.CaptureFixture[str]) -> None:
    assert "xapi" in said(xapi_rig.target(), capsys)


def test_a_libvirt_host_is_checked(libvirt_rig: LibvirtRig, capsys: pytest.CaptureFixture[str]) -> None:
    assert "libvirt" in said(libvirt_rig.target(), capsys)


def test_a_libvirt_host_is_checked_over_tls(tls_rig: LibvirtRig, capsys: pytest.CaptureFixture[str]) -> None:
    assert "libvirt" in said(tls_rig.tls_target(), capsys)
