"""Known secrets went in by every door, right and wrong; then everything that came out is searched for them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from lifecycle.estate.models import Endpoint
from lifecycle.models import Entry, Notice, Operation
from tests.lifecycle.world import World
from tests.listening import listening
from tests.secrets.journey import API, AUTHORITY, Journey, found_in


class Log(logging.Handler):
    """As records hold it, whatever is masked later."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def log() -> Iterator[Log]:
    with listening(Log(), logging.DEBUG) as kept:
        yield kept


@pytest.fixture
def journey(world: World, log: Log) -> Journey:
    journey = Journey(world)
    journey.sign_in()
    journey.change_password()
    journey.change_endpoints(journey.add_endpoints())
    journey.use_token()
    journey.order()
    journey.look_around()
    return journey


def every_row() -> Iterator[tuple[str, str]]:
    """All tables, all columns: also those of libraries."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - from the catalogue
            for row in cursor.fetchall():
                yield table, " ".join(map(_text, row))


def _text(value: Any) -> str:
    return bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else str(value)


def test_no_answer_tells_a_secret(journey: Journey) -> None:
    assert len(journey.answers) > 50
    assert {text[:3] for text in journey.answers.values()} >= {"200", "201", "302", "403", "404", "422"}

    # What somebody typed as their name stands in the form again, for them to see.
    theirs = {place: text for place, text in journey.answers.items() if "/sign-in/" not in place}
    assert found_in(theirs, journey.known) == []


def test_no_line_of_the_log_tells_a_secret(journey: Journey, log: Log) -> None:
    assert any("Unprocessable" in line for line in log.lines)

    assert found_in({line: line for line in log.lines}, [*journey.known, AUTHORITY]) == []


def test_no_row_holds_a_secret(journey: Journey) -> None:
    rows = [f"{table}: {text}" for table, text in every_row()]

    assert len(rows) > 100
    assert any("gAAAA" in row for row in rows)
    assert found_in(dict(zip(rows, rows, strict=True)), journey.known) == []


def test_neither_record_nor_notices_nor_operations_name_the_authority(journey: Journey) -> None:
    kept = {model.__name__: str(list(model.objects.values())) for model in (Entry, Notice, Operation)}

    assert found_in(kept, [AUTHORITY]) == []


def test_only_administrators_see_the_authority(journey: Journey) -> None:
    journey.answers.clear()
    client = Client()
    client.force_login(journey.world.owner)
    for endpoint in Endpoint.objects.all():
        journey.ask("get", f"/endpoints/{endpoint.pk}/", client=client)
        journey.ask("get", f"{API}endpoints/{endpoint.pk}/", client=client)

    assert found_in(journey.answers, [AUTHORITY]) == []
