"""The same on a real libvirt, whose daemon is killed and frozen too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos import run, scenarios
from tests.chaos.ground import Ground
from tests.rigs.libvirt import LibvirtRig
from tests.rigs.libvirt.fixtures import available

pytestmark = [pytest.mark.chaos, pytest.mark.rig]


@pytest.fixture(scope="module")
def rig() -> Iterator[LibvirtRig]:
    """One that nobody else works on: what is on it is counted."""
    available()
    with LibvirtRig(data_mib=16) as rig:
        yield rig


def test_real_machines_are_made_once_whatever_breaks(ground: Ground, rig: LibvirtRig) -> None:
    result = run.play(ground, scenarios.usual(seed=3, requests=3, recovery=180.0, errands=False), rig=rig)

    assert result.broken == [], result
