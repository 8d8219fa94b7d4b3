"""Checks of a target's fields that adapters share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hypervisors import fields
from hypervisors.contract import Target
from hypervisors.errors import InvalidRequest
from tests.rigs.libvirt.certificates import authority, issued

TARGET = Target("vmware", address="vc.example", username="svc", secret="pa;ss word")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("vc.example", "vc.example"),
        ("VC-1", "VC-1"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "[2001:db8::1]"),
        ("2001:DB8:0::1", "[2001:db8::1]"),
    ],
)
def test_host_is_told_as_it_stands_in_a_uri(address: str, told: str) -> None:
    assert fields.host(address) == told


@pytest.mark.parametrize(
    "address",
    [
        "", " ", "vc.example/x", "vc.example:443", "user@vc.example", "vc example", "-vc", "vc..example", "a" * 64,
        "fe80::1%eth0", "[2001:db8::1]", "vc.example\n", "ä.example", "?x=1", ".".join(["a" * 63] * 4) + ".b",
    ],
)  # fmt: skip
def test_any_other_host_is_refused(address: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        fields.host(address)
    assert caught.value.message.startswith("address: ")


def test_https_target_is_let_pass() -> None:
    fields.check_https(replace(TARGET, port=8443, timeout=600, ca_pem=authority().pem))


def test_secret_may_be_certificate_and_key() -> None:
    identity = issued("portal", authority())

    fields.check_common(replace(TARGET, secret=identity.pem + identity.key_pem))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timeout", 0),
        ("timeout", -1),
        ("timeout", 601),
        ("timeout", float("nan")),
        ("port", 0),
        ("port", 65_536),
        ("username", "a\nb"),
        ("username", "x" * 1025),
        ("username", ""),
        ("secret", "a\x00b"),
        ("secret", ""),
        ("ca_pem", "trust me"),
        ("ca_pem", "/etc/ssl/ca.pem"),
        ("address", "vc.example/sdk"),
        ("path", "/etc/passwd"),
        ("transport", "unix"),
    ],
)
def test_https_target_with_a_wrong_field_is_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        fields.check_https(replace(TARGET, **{field: value}))  # type: ignore[arg-type]
    assert caught.value.message.partition(":")[0] in {field, "username", "path"}
    assert TARGET.secret not in caught.value.message
