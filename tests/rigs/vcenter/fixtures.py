"""The rig as a pytest fixture: started on first use, one per test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rigs.fixtures import skip
from tests.rigs.vcenter import VcenterRig, simulator


def available() -> None:
    """Skips where no vCenter can be made, and fails where one has to be."""
    try:
        simulator.program()
    except simulator.CannotBuild as error:
        skip(f"This needs a vCenter of its own: {error}")


@pytest.fixture(scope="session")
def vcenter_rig() -> Iterator[VcenterRig]:
    available()
    with VcenterRig() as rig:
        yield rig
