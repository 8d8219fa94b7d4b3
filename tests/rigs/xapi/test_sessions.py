"""Who gets in, how sessions end, and what the listener is like: TLS, several hosts, the toolstack's restart."""

from __future__ import annotations

import ssl
import time
from typing import Any

import pytest
import XenAPI

from tests.rigs.xapi import XapiRig
from tests.rigs.xapi.asking import refused


def test_a_wrong_password_is_refused_after_a_while(rig: XapiRig) -> None:
    with rig.connected() as client:
        began = time.monotonic()
        with refused("SESSION_AUTHENTICATION_FAILED", "root", "Authentication failure"):
            client.xenapi.login_with_password("root", "wrong", "2.23", "tests")
        assert time.monotonic() - began >= 0.2


def test_a_session_ends_once(rig: XapiRig) -> None:
    with rig.connected() as client:
        client.xenapi.login_with_password(rig.username, rig.password)
        ref = client._session
        assert client.session.logout(ref)["Status"] == "Success"
        for answer in (client.session.logout(ref), client.VM.get_all(ref)):
            assert answer == {"Status": "Failure", "ErrorDescription": ["SESSION_INVALID", ref]}
        unasked = client.VM.get_all(None)["ErrorDescription"]
        assert unasked == ["INTERNAL_ERROR", "Failure(\"Expected string, got 'N'\")"]


def test_too_many_sessions_cost_the_oldest_its_life(rig: XapiRig) -> None:
    rig.settings(session_limit=3)
    with rig.connected() as client:
        login = lambda originator: client.session.login_with_password(rig.username, rig.password, "2.23", originator)[
            "Value"
        ]
        one, *others = [login("crowd") for _ in range(3)]
        apart = login("another")
        last = login("crowd")
        rig.settings(session_limit=500)
        assert client.VM.get_all(one)["ErrorDescription"] == ["SESSION_INVALID", one]
        for session in (*others, apart, last):
            assert client.session.logout(session)["Status"] == "Success"


def test_a_session_that_nobody_uses_dies(rig: XapiRig) -> None:
    with rig.session() as session:
        rig.settings(session_seconds=0.1)
        session.xenapi.pool.get_all()
        time.sleep(0.2)
        answer = session.pool.get_all(session._session)
        rig.settings(session_seconds=86_400)
        assert answer["ErrorDescription"] == ["SESSION_INVALID", session._session]


def test_roles(rig: XapiRig, xapi: Any) -> None:
    rig.tell("account", name="guest", password="pw", role="")
    rig.tell("account", name="reader", password="pw", role="read-only")
    with rig.connected() as client:
        with pytest.raises(XenAPI.Failure) as caught:
            client.xenapi.login_with_password("guest", "pw", "2.23", "tests")
        assert caught.value.details[:2] == ["SESSION_AUTHORIZATION_FAILED", "guest"]
        client.xenapi.login_with_password("reader", "pw", "2.23", "tests")
        (vm, *_) = client.xenapi.VM.get_all()
        with refused("RBAC_PERMISSION_DENIED", "vm.start", "No permission in user session"):
            client.xenapi.VM.start(vm, False, False)
        record = client.xenapi.session.get_record(client._session)
        assert not record["is_local_superuser"]
        assert "vm.get_record" in record["rbac_permissions"]
        assert "vm.start" not in record["rbac_permissions"]
        client.xenapi.session.logout()


def test_a_host_that_is_still_booting(rig: XapiRig) -> None:
    rig.settings(booting=True)
    try:
        with rig.connected() as client, refused("HOST_STILL_BOOTING"):
            client.xenapi.login_with_password(rig.username, rig.password)
    finally:
        rig.settings(booting=False)


def test_only_the_coordinator_lets_anybody_in(rig: XapiRig, xapi: Any) -> None:
    assert sorted(host["address"] for host in xapi.host.get_all_records().values()) == rig.addresses
    with rig.connected(rig.addresses[1]) as client, refused("HOST_IS_SLAVE", rig.addresses[0]):
        client.xenapi.login_with_password(rig.username, rig.password)


def test_a_server_that_supports_another_pool() -> None:
    there = "192.0.2.1:8443"
    with XapiRig(hosts=1, supporter_of=there) as rig, rig.connected() as client, refused("HOST_IS_SLAVE", there):
        client.xenapi.login_with_password(rig.username, rig.password)


def test_the_certificate_is_of_the_rig_s_own_authority(rig: XapiRig) -> None:
    with XapiRig(hosts=1) as other:
        mine, rig_ca = rig.ca_pem, other.ca_pem
        assert mine != rig_ca
        rig.ca_pem = rig_ca
        try:
            with rig.connected() as client, pytest.raises(ssl.SSLCertVerificationError):
                client.xenapi.login_with_password(rig.username, rig.password)
        finally:
            rig.ca_pem = mine


def test_a_certificate_of_yesterday() -> None:
    complaint = pytest.raises(ssl.SSLCertVerificationError, match="expired")
    with XapiRig(hosts=1, expired=True) as rig, rig.connected() as client, complaint:
        client.xenapi.login_with_password(rig.username, rig.password)


def test_without_tls() -> None:
    with XapiRig(hosts=1, tls=False) as rig, rig.session() as session:
        assert rig.url.startswith("http://")
        assert len(session.xenapi.host.get_all()) == 1


def test_a_restart_keeps_the_pool_and_loses_the_sessions(rig: XapiRig) -> None:
    with rig.connected() as client:
        client.xenapi.login_with_password(rig.username, rig.password)
        ref, machines = client._session, client.xenapi.VM.get_all()
        rig.restart()
        client("close")()
        answer = client.VM.get_all(ref)
        assert answer["ErrorDescription"] == ["SESSION_INVALID", ref]
        client.xenapi.login_with_password(rig.username, rig.password)
        assert client.xenapi.VM.get_all() == machines
        client.xenapi.session.logout()


def test_a_pool_that_is_gone_refuses_connections() -> None:
    with XapiRig(hosts=1) as rig:
        rig.kill()
        with rig.connected() as client, pytest.raises(ConnectionRefusedError):
            client.xenapi.login_with_password(rig.username, rig.password)
        rig.start()
        with rig.session() as session:
            assert session.xenapi.pool.get_all()


def test_what_an_adapter_connects_to(rig: XapiRig) -> None:
    target = rig.target(read_only=True, secret="other")
    assert (target.kind, target.address, target.port) == ("xen", rig.address, rig.port)
    assert (target.username, target.secret, target.read_only) == (rig.username, "other", True)
    assert target.ca_pem.startswith("-----BEGIN CERTIFICATE-----")
