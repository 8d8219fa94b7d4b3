"""Servers of one's own, named by the environment: they are asked for everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hypervisors.conformance import external, table

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.fixture
def ca(tmp_path: Path) -> str:
    (tmp_path / "ca.pem").write_text(PEM)
    return str(tmp_path / "ca.pem")


@pytest.mark.parametrize(("kind", "prefix"), [("xen", "XAPI"), ("vmware", "VCENTER")])
def test_url_user_password_and_authority_make_a_target(kind: str, prefix: str, ca: str) -> None:
    said = {"URL": "https://pool.example:8443", "USER": "root", "PASSWORD": "pa ss", "CA": ca}
    found = external.target(kind, {f"{prefix}_{name}": value for name, value in said.items()})

    assert found is not None and (found.kind, found.address, found.port) == (kind, "pool.example", 8443)
    assert (found.username, found.secret, found.ca_pem, found.read_only) == ("root", "pa ss", PEM, False)


def test_libvirt_uri_by_socket_makes_a_target() -> None:
    found = external.target("kvm", {"LIBVIRT_URI": "qemu+unix:///system?socket=/run/libvirt/libvirt-sock"})

    assert found is not None and (found.transport, found.path) == ("unix", "/run/libvirt/libvirt-sock")


def test_libvirt_uri_by_tls_makes_a_target(ca: str) -> None:
    said = {"LIBVIRT_URI": "qemu+tls://kvm.example/system", "LIBVIRT_CA": ca, "LIBVIRT_IDENTITY": ca}
    found = external.target("kvm", said)

    assert found is not None and (found.transport, found.address, found.path) == ("tls", "kvm.example", "")
    assert (found.ca_pem, found.secret) == (PEM, PEM)


@pytest.mark.parametrize("kind", ["simulated", "vmware", "xen", "kvm"])
def test_without_an_address_there_is_none(kind: str) -> None:
    assert external.target(kind, {"XAPI_USER": "root"}) is None


@pytest.mark.parametrize(
    ("kind", "name", "url"),
    [
        ("xen", "XAPI_URL", "http://pool.example"),
        ("vmware", "VCENTER_URL", "vc.example"),
        ("kvm", "LIBVIRT_URI", "qemu+ssh://kvm.example/system"),
        ("kvm", "LIBVIRT_URI", "https://kvm.example"),
    ],
)
def test_any_other_way_is_refused(kind: str, name: str, url: str) -> None:
    with pytest.raises(ValueError, match=name):
        external.target(kind, {name: url})


def test_on_an_external_server_nothing_is_unproven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VCENTER_URL", raising=False)
    simulator = table.counts("vmware")
    monkeypatch.setenv("VCENTER_URL", "https://vc.example")
    real = table.counts("vmware")

    assert (real.unproven, real.gaps) == (0, simulator.gaps)
    assert real.kept == simulator.kept + simulator.unproven
