"""The rig as a pytest fixture: started on first use, one per test process."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.rigs.libvirt import LibvirtRig, missing


@pytest.fixture(scope="session")
def libvirt_rig() -> Iterator[LibvirtRig]:
    if lacking := missing():
        sentence = f"This needs a libvirt of its own: apt-get install {' '.join(lacking)}"
        pytest.fail(sentence) if os.environ.get("CI") else pytest.skip(sentence)
    rig = LibvirtRig()
    try:
        rig.start()
        yield rig
    finally:
        rig.stop()
