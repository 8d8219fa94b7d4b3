"""From where somebody comes: what headers say counts only from proxies that are trusted."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory

from portal import environment, keys
from portal.identity import address_of, braked_address

PROXIES = [ip_network("10.0.0.5"), ip_network("10.1.0.0/16"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "header", "found"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),  # no proxy of ours
        ("10.0.0.5", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.5", "198.51.100.1, 203.0.113.9", "203.0.113.9"),  # what the client wrote itself stands left
        ("10.0.0.5", "203.0.113.9, 10.1.2.3", "203.0.113.9"),  # two proxies, one behind the other
        ("10.0.0.5", "10.1.2.3", "10.1.2.3"),
        ("10.0.0.5", "", "10.0.0.5"),
        ("10.0.0.5", "nonsense", "10.0.0.5"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:10.0.0.5", "203.0.113.9", "203.0.113.9"),
        ("", "203.0.113.9", None),
    ],
)
def test_address(settings: Any, peer: str, header: str, found: str | None) -> None:
    settings.TRUSTED_PROXIES = PROXIES
    headers = {"X-Forwarded-For": header} if header else {}

    assert address_of(RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer)) == found


@pytest.mark.parametrize(
    ("peer", "counted"), [("192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), ("", None)]
)
def test_a_network_of_addresses_counts_as_one(peer: str, counted: str | None) -> None:
    assert braked_address(RequestFactory().get("/", REMOTE_ADDR=peer)) == counted


def test_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.5, 10.1.0.0/16, fd00::/8")
    assert environment.networks("TRUSTED_PROXIES") == PROXIES

    monkeypatch.setenv("TRUSTED_PROXIES", "proxy.example.org")
    with pytest.raises(ImproperlyConfigured, match="TRUSTED_PROXIES"):
        environment.networks("TRUSTED_PROXIES")


@pytest.mark.parametrize("key", ["", "short", "ä" * 44, "A" * 43, "A" * 44 + "=", "A" * 42])
def test_what_is_no_fernet_key_is_known(key: str) -> None:
    assert keys.is_fernet_key(keys.fernet_key())
    assert not keys.is_fernet_key(key)
