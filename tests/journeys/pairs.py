"""What an installation stands on: files alone, or PostgreSQL and Redis, both by TLS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from tests.rigs import postgres
from tests.rigs.fixtures import postgres_programs, redis_is_there
from tests.rigs.redis import RedisRig

PAIRS = ("files", "servers")


class Files:
    """SQLite and the filesystem queue."""

    def settings(self) -> dict[str, str]:
        """What an installation is told; nothing, since this is what it has without being told."""
        return {}


@dataclass
class Servers(Files):
    """Each installation gets a database and a number in Redis."""

    postgres_url: str
    redis: RedisRig
    count: int = 0

    def settings(self) -> dict[str, str]:
        self.count += 1
        ask(self.postgres_url, f"CREATE DATABASE journey_{self.count}")
        environ = self.redis.environ
        return {
            **environ,
            "BROKER_URL": f"{environ['BROKER_URL'].removesuffix('/0')}/{self.count}",
            "DATABASE_URL": self.postgres_url.replace("/postgres?", f"/journey_{self.count}?"),
        }


@contextmanager
def running(name: str) -> Iterator[Files]:
    if name == "files":
        yield Files()
        return
    redis_is_there()
    with postgres.server(postgres_programs(), tls=True) as url, RedisRig(password="p@ss/word;", tls=True) as redis:
        yield Servers(url, redis)


def ask(url: str, question: str, *values: Any) -> list[dict[str, Any]]:
    """One statement in PostgreSQL, written and answered as SQLite would have it."""
    import psycopg
    from psycopg.rows import dict_row

    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        cursor = connection.execute(question.replace("?", "%s"), values or None)
        rows = cursor.fetchall() if cursor.description else []
    return [{name: plain(value) for name, value in row.items()} for row in rows]


def plain(value: Any) -> Any:
    match value:
        case UUID():
            return value.hex
        case timedelta():
            return value // timedelta(microseconds=1)
        case Decimal():
            return int(value)
        case dict() | list():
            return json.dumps(value)
        case _:
            return value
