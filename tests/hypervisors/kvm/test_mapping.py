"""Targets into URIs and libvirt's faults into ours, by table."""

from __future__ import annotations

import re
from dataclasses import replace

import libvirt
import pytest

from hypervisors import words
from hypervisors.contract import Target
from hypervisors.errors import (
    AccessDenied,
    Busy,
    HypervisorError,
    InvalidRequest,
    NameTaken,
    NoCapacity,
    NotFound,
    Unreachable,
    WrongState,
)
from hypervisors.kvm import mapping, places
from hypervisors.kvm.adapter import Kvm
from hypervisors.registry import adapter_class

UNIX = Target("kvm", transport="unix", path="/run/libvirt/libvirt-sock")
TLS = Target("kvm", transport="tls", address="kvm1.example.org")
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIC\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("target", "uri"),
    [
        (UNIX, "qemu+unix:///system?socket=/run/libvirt/libvirt-sock"),
        (TLS, "qemu+tls://kvm1.example.org:16514/system"),
        (replace(TLS, address="192.0.2.7", port=17000), "qemu+tls://192.0.2.7:17000/system"),
        (replace(TLS, address="2001:db8::1", ca_pem=PEM), "qemu+tls://[2001:db8::1]:16514/system"),
        (replace(TLS, username="portal", secret="s3cret"), "qemu+tls://kvm1.example.org:16514/system"),
    ],
)
def test_uri_is_built_from_the_fields(target: Target, uri: str) -> None:
    Kvm.validate(target)

    assert [place.uri for place in places.places(target)] == [uri]


@pytest.mark.parametrize(
    ("target", "field"),
    [
        (replace(UNIX, transport="ssh"), "transport"),
        (replace(UNIX, transport=""), "transport"),
        (replace(UNIX, path=""), "path"),
        (replace(UNIX, path="run/libvirt-sock"), "path"),
        (replace(UNIX, path="/run/../etc/sock"), "path"),
        (replace(UNIX, path="/run/sock?no_verify=1"), "path"),
        (replace(UNIX, path="/run/sock&mode=direct"), "path"),
        (replace(UNIX, path="/run/sock\n"), "path"),
        (replace(UNIX, path="/" + "x" * 107), "path"),
        (replace(UNIX, address="host"), "address"),
        (replace(UNIX, port=1), "address"),
        (replace(UNIX, timeout=0), "timeout"),
        (replace(TLS, address=""), "address"),
        (replace(TLS, address="host/system?no_verify=1#"), "address"),
        (replace(TLS, address="user@host"), "address"),
        (replace(TLS, address="host:1"), "address"),
        (replace(TLS, address="-oProxyCommand=x"), "address"),
        (replace(TLS, address="fe80::1%eth0"), "address"),
        (replace(TLS, address="a." * 130), "address"),
        (replace(TLS, port=0), "port"),
        (replace(TLS, port=65536), "port"),
        (replace(TLS, path="/x"), "path"),
        (replace(TLS, ca_pem="no certificate"), "ca_pem"),
        (replace(TLS, username="a\nb"), "username"),
        (replace(TLS, secret="a\0b"), "secret"),
    ],
)
def test_field_outside_the_allow_list_is_named(target: Target, field: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^{field}: "):
        Kvm.validate(target)


@pytest.mark.parametrize(
    ("code", "domain", "text", "fault"),
    [
        ("VIR_ERR_OK", 0, "virDomainLookupByUUIDString() failed", Busy),
        ("VIR_ERR_NO_DOMAIN", 10, "Domain not found", NotFound),
        ("VIR_ERR_NO_STORAGE_VOL", 18, "Storage volume not found", NotFound),
        ("VIR_ERR_OPERATION_FAILED", 20, "operation failed: domain 'a' already exists with uuid 1", NameTaken),
        ("VIR_ERR_STORAGE_VOL_EXIST", 18, "storage volume name 'a' already in use.", NameTaken),
        ("VIR_ERR_OPERATION_INVALID", 10, "domain is not running", WrongState),
        ("VIR_ERR_OPERATION_INVALID", 18, "volume 'a' is still being allocated.", Busy),
        ("VIR_ERR_OPERATION_TIMEOUT", 10, "cannot acquire state change lock", Busy),
        ("VIR_ERR_OPERATION_DENIED", 20, "operation forbidden for read only access", AccessDenied),
        ("VIR_ERR_AUTH_FAILED", 7, "authentication failed", AccessDenied),
        ("VIR_ERR_SYSTEM_ERROR", 7, "Failed to connect socket to '/x': No such file or directory", Unreachable),
        ("VIR_ERR_SYSTEM_ERROR", 7, "Failed to connect socket to '/x': Permission denied", AccessDenied),
        ("VIR_ERR_SYSTEM_ERROR", 7, "Certificate failed validation: unknown issuer", AccessDenied),
        ("VIR_ERR_INTERNAL_ERROR", 7, "client socket is closed", Unreachable),
        ("VIR_ERR_INTERNAL_ERROR", 18, "Child process (qemu-img) failed: No space left on device", NoCapacity),
        ("VIR_ERR_INTERNAL_ERROR", 10, "cannot set up guest memory 'pc.ram': Cannot allocate memory", NoCapacity),
        ("VIR_ERR_INTERNAL_ERROR", 10, "something nobody has seen", HypervisorError),
    ],
)
def test_fault_is_mapped(code: str, domain: int, text: str, fault: type[HypervisorError]) -> None:
    found = mapping.fault(getattr(libvirt, code), domain, text)

    assert type(found) is fault
    assert text in found.native
    assert text not in found.message


def test_text_decides_only_where_the_code_does_not() -> None:
    """A machine may be called anything."""
    found = mapping.fault(libvirt.VIR_ERR_NO_DOMAIN, 10, "no domain with matching name 'No space left'")

    assert type(found) is NotFound


def test_table_names_the_codes_that_libvirt_has() -> None:
    source = mapping.__spec__.loader.get_data(mapping.__file__).decode()  # type: ignore[union-attr]
    rows = re.findall(r"^    (\d+): \w+,  # ([A-Z_]+)", source, re.MULTILINE)

    assert len(rows) == len(mapping.FAULTS)
    assert {name: int(code) for code, name in rows} == {name: getattr(libvirt, f"VIR_ERR_{name}") for _, name in rows}


def test_power_names_every_state_that_libvirt_has() -> None:
    states = {value for name, value in vars(libvirt).items() if re.fullmatch(r"VIR_DOMAIN_(NOSTATE|[A-Z]+)", name)}
    named = {libvirt.VIR_DOMAIN_NOSTATE, libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_PMSUSPENDED}

    assert named <= set(mapping.POWER) <= states


def test_client_identity_needs_certificate_and_key() -> None:
    assert places.client_identity(KEY + PEM) == (PEM, KEY)
    assert places.client_identity(PEM) == ("", "")
    assert places.client_identity("a password") == ("", "")


def test_text_is_made_fit_for_xml_and_cut() -> None:
    assert words.line("a\0b\n c\u2028d\ud800") == "ab c d"
    assert words.line("x" * 300) == "x" * 255


def test_adapter_is_registered() -> None:
    assert adapter_class("kvm") is Kvm
