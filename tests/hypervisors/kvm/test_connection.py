"""Hosts that vanish, hang or come back: every call ends in time, and the next one starts afresh."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from hypervisors.contract import Target
from hypervisors.errors import AccessDenied, HypervisorError, Unreachable
from hypervisors.kvm.adapter import Kvm
from tests.rigs.libvirt import LibvirtRig

pytestmark = pytest.mark.rig


@pytest.fixture
def awake(rig: LibvirtRig) -> Iterator[LibvirtRig]:
    yield rig
    rig.thaw_daemon()
    rig.start_daemon()


def seconds_until(fault: type[HypervisorError], kvm: Kvm) -> float:
    start = time.monotonic()
    with pytest.raises(fault):
        kvm.check()
    return time.monotonic() - start


def test_call_after_the_daemon_was_restarted_works(awake: LibvirtRig) -> None:
    with closing(Kvm(awake.target(timeout=3))) as kvm:
        kvm.check()
        awake.kill_daemon()
        assert seconds_until(Unreachable, kvm) < 3
        awake.start_daemon()

        assert kvm.check()


def test_daemon_that_hangs_is_unreachable_in_time(awake: LibvirtRig) -> None:
    with closing(Kvm(awake.target(timeout=1))) as kvm, closing(Kvm(awake.target(timeout=1))) as fresh:
        kvm.check()
        awake.freeze_daemon()

        assert 0.9 < seconds_until(Unreachable, kvm) < 2
        assert 0.9 < seconds_until(Unreachable, fresh) < 2
        awake.thaw_daemon()
        assert kvm.check()
        assert fresh.check()


def test_abandoned_call_is_given_up_when_the_daemon_is_dead(awake: LibvirtRig) -> None:
    """Keep-alive ends what the time-out left behind: no thread stays for ever."""
    with closing(Kvm(awake.target(timeout=0.3))) as kvm:
        kvm.check()
        awake.freeze_daemon()
        seconds_until(Unreachable, kvm)
        left = [thread for thread in threading.enumerate() if thread.name == "libvirt-calls"]
        awake.kill_daemon()

        for thread in left:
            thread.join(10)

    assert not any(thread.is_alive() for thread in left)


def test_server_that_says_nothing_is_unreachable_in_time(tmp_path: Path) -> None:
    place = tmp_path / "s"
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(place))
        server.listen()
        kvm = Kvm(Target("kvm", transport="unix", path=str(place), timeout=0.5))

        assert 0.4 < seconds_until(Unreachable, kvm) < 1.5


def test_missing_socket_is_unreachable(rig: LibvirtRig) -> None:
    assert seconds_until(Unreachable, Kvm(replace(rig.target(), path="/nowhere/libvirt-sock"))) < 1


def test_unknown_host_is_unreachable() -> None:
    kvm = Kvm(Target("kvm", transport="tls", address="127.0.0.1", port=1, timeout=2))

    with pytest.raises((Unreachable, AccessDenied)):
        kvm.check()


def test_child_process_opens_a_connection_of_its_own(rig: LibvirtRig) -> None:
    """A worker's children inherit whatever their parent had open."""
    with closing(Kvm(rig.target(timeout=5))) as kvm:
        said = kvm.check()
        child = os.fork()
        if child == 0:
            os._exit(0 if kvm.check() == said else 1)
        _, status = os.waitpid(child, 0)

        assert os.waitstatus_to_exitcode(status) == 0
        assert kvm.check() == said


def test_connection_may_be_closed_twice_and_used_again(rig: LibvirtRig) -> None:
    kvm = Kvm(rig.target())
    kvm.check()

    kvm.close()
    kvm.close()

    assert kvm.check()
    kvm.close()
