"""One set of servers for all tests of the chaos."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.ground import Ground
from tests.rigs.fixtures import postgres_programs, redis_is_there


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    redis_is_there()
    with Ground(postgres_programs()) as ground:
        yield ground
