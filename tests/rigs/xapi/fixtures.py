"""The rig as pytest fixtures: started on first use, one per test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rigs.xapi import XapiRig


@pytest.fixture(scope="session")
def xapi_rig() -> Iterator[XapiRig]:
    """A pool of two hosts. Whoever changes its settings or leaves machines behind takes one of their own."""
    with XapiRig() as rig:
        yield rig
