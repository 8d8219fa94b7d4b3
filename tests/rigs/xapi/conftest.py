from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.rigs.xapi import XapiRig


@pytest.fixture(scope="module")
def rig() -> Iterator[XapiRig]:
    with XapiRig() as rig:
        yield rig
        assert "Traceback" not in rig.log_text()


@pytest.fixture
def xapi(rig: XapiRig) -> Iterator[Any]:
    """The real client's calls, logged in."""
    with rig.session() as session:
        yield session.xenapi
