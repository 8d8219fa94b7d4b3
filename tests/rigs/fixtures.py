"""The servers as pytest fixtures; what is missing skips, and fails where it has to be there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rigs import postgres, redis


def skip(sentence: str) -> None:
    pytest.fail(sentence) if os.environ.get("CI") else pytest.skip(sentence)


def postgres_programs() -> Path:
    programs = postgres.programs()
    if programs is None:
        skip("This needs a PostgreSQL of its own: apt-get install postgresql")
    assert programs is not None
    return programs


def redis_is_there() -> None:
    if lacking := redis.missing():
        skip(f"This needs a Redis of its own: apt-get install {' '.join(lacking)}")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server of this test process; whoever writes takes a database of their own on it."""
    with postgres.server(postgres_programs()) as url:
        yield url
