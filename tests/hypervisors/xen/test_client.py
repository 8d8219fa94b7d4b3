"""Sessions: on the coordinator, renewed when they end, given back; and calls that are never sent twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from hypervisors.contract import PowerOn
from hypervisors.errors import AccessDenied, Busy, Unreachable
from hypervisors.xen.adapter import Xen
from tests.hypervisors.xen.bench import XenBench
from tests.hypervisors.xen.conftest import calls_of
from tests.rigs.xapi import XapiRig

pytestmark = pytest.mark.rig


def sessions(rig: XapiRig) -> int:
    """Open ones of ours."""
    log = [call for call in rig.calls() if call["originator"] == "leasehold" and not call["error"]]
    return sum(call["method"] == "session.login_with_password" for call in log) - sum(
        call["method"] == "session.logout" for call in log
    )


def test_session_is_opened_late_and_given_back_once(rig: XapiRig, xen: Xen) -> None:
    assert calls_of(rig) == []

    xen.check()
    xen.check()
    xen.close()
    xen.close()

    assert calls_of(rig).count("session.login_with_password") == 1
    assert calls_of(rig).count("session.logout") == 1


def test_ended_session_is_renewed_and_the_call_repeated(rig: XapiRig, xen: Xen) -> None:
    xen.check()
    rig.tell("kill_sessions")

    assert xen.check()

    assert calls_of(rig).count("session.login_with_password") == 2


def test_session_that_ends_again_and_again_is_no_endless_loop(rig: XapiRig, xen: Xen) -> None:
    details = ["SESSION_INVALID", "OpaqueRef:none"]
    with rig.fault("pool.get_all_records", "fail", details=details), pytest.raises(Unreachable):
        xen.check()

    assert calls_of(rig).count("pool.get_all_records") == 2


def test_restarted_toolstack_is_asked_again(rig: XapiRig, xen: Xen) -> None:
    xen.check()
    rig.restart()

    assert xen.check()


def test_all_sessions_are_given_back_however_a_call_ended(rig: XapiRig, xen: Xen) -> None:
    for action in ("drop", "cut", "garbage"):
        with rig.fault("pool.get_all_records", action, times=1), pytest.raises(Unreachable):
            xen.check()
        assert xen.check()
    xen.close()

    assert sessions(rig) == 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_call_that_changes_something_is_never_sent_twice(rig: XapiRig, bench: XenBench, xen: Xen, when: str) -> None:
    ref = bench.make_by_hand("hand-once")
    xen.check()
    rig.tell("reset_log")
    with rig.fault("Async.VM.start", "drop", when=when), pytest.raises(Unreachable):
        xen.submit(PowerOn(ref))

    assert calls_of(rig).count("Async.VM.start") == 1


@pytest.fixture
def coordinator() -> Iterator[XapiRig]:
    with XapiRig(hosts=1) as found:
        yield found


@pytest.fixture
def supporter(coordinator: XapiRig) -> Iterator[XapiRig]:
    """On another address, and the same port."""
    rig = XapiRig(hosts=1, supporter_of=coordinator.address)
    rig.addresses, rig.port = ["127.0.0.9"], coordinator.port
    with rig:
        yield rig


def test_supporter_leads_to_the_coordinator(coordinator: XapiRig, supporter: XapiRig) -> None:
    xen = Xen(supporter.target(ca_pem=coordinator.ca_pem + supporter.ca_pem))

    assert xen.check()
    xen.close()

    assert calls_of(supporter) == ["session.login_with_password"]
    assert calls_of(coordinator)[0] == "session.login_with_password"
    assert calls_of(coordinator)[-1] == "session.logout"


def test_coordinator_is_verified_by_its_own_name(coordinator: XapiRig, supporter: XapiRig) -> None:
    """Whoever answers there gets no password before it proved who it is."""
    xen = Xen(supporter.target())

    with pytest.raises(AccessDenied):
        xen.check()

    assert coordinator.calls() == []


def test_coordinator_that_became_a_supporter_is_left(coordinator: XapiRig, supporter: XapiRig) -> None:
    supporter.settings(supporter_of="")
    xen = Xen(supporter.target(ca_pem=coordinator.ca_pem + supporter.ca_pem))
    xen.check()
    supporter.settings(supporter_of=coordinator.address)
    supporter.tell(
        "fault", method="pool.get_all_records", action="fail", details=["HOST_IS_SLAVE", coordinator.address]
    )

    assert xen.check()
    xen.close()

    assert sessions(supporter) == 0


@pytest.mark.parametrize("named", ["", "not a host/../", "-x"])
def test_supporter_that_names_no_host_is_not_followed(rig: XapiRig, xen: Xen, named: str) -> None:
    details = ["HOST_IS_SLAVE", named]
    login = rig.fault("session.login_with_password", "fail", details=details, originator="leasehold")
    with login, pytest.raises(Unreachable):
        xen.check()


def test_time_out_counts_for_a_whole_look(rig: XapiRig, bench: XenBench) -> None:
    """However many calls it takes."""
    xen = Xen(replace(bench.target, timeout=1.0))
    began = time.monotonic()
    with rig.fault("*.get_all_records", "delay", seconds=0.3, originator="leasehold"), pytest.raises(Unreachable):
        xen.inventory()

    assert time.monotonic() - began < 2.0


def test_no_password_is_told_by_anyone(rig: XapiRig, bench: XenBench) -> None:
    """Not even by a server that repeats what it was told."""
    secret = "hush-hush-4711"
    xen = Xen(replace(bench.target, secret=secret))
    details = ["SESSION_AUTHENTICATION_FAILED", "root", f"wrong password {secret}"]
    login = rig.fault("session.login_with_password", "fail", details=details, originator="leasehold")
    with login, pytest.raises(AccessDenied) as caught:
        xen.check()
    xen.close()

    said = f"{caught.value} {caught.value!r} {caught.value.native} {xen!r} {xen._client!r} {vars(caught.value)}"
    assert secret not in said
    assert "wrong password" in caught.value.native


def test_start_up_is_waited_for(rig: XapiRig, xen: Xen) -> None:
    rig.settings(booting=True)
    try:
        with pytest.raises(Busy):
            xen.check()
    finally:
        rig.settings(booting=False)
    assert xen.check()
