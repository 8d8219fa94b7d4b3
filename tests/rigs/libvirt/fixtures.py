"""The rig as a pytest fixture: started on first use, one per test process."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.rigs.libvirt import LibvirtRig, missing


def refusal() -> str:
    """Why a rig cannot run here; nothing where it can."""
    if os.geteuid() != 0:
        return "A libvirt of its own needs namespaces, and those need root."
    lacking = missing()
    return f"This needs a libvirt of its own: apt-get install {' '.join(lacking)}" if lacking else ""


def available() -> None:
    """Skips where a rig cannot run, and fails where it has to."""
    if reason := refusal():
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


def _running(rig: LibvirtRig) -> Iterator[LibvirtRig]:
    try:
        rig.start()
        yield rig
    finally:
        rig.stop()


@pytest.fixture(scope="session")
def libvirt_rig() -> Iterator[LibvirtRig]:
    available()
    yield from _running(LibvirtRig())


@pytest.fixture(scope="module")
def tls_rig() -> Iterator[LibvirtRig]:
    """One that is asked by TLS too; its guests have next to no data."""
    available()
    yield from _running(LibvirtRig(data_mib=1, tls=True))
