"""The record to take away, as CSV or as JSON lines, while it is read: any number of rows, in little memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import StreamingHttpResponse
from django.utils import timezone

from lifecycle import clock
from lifecycle.audit.actions import hand_out
from lifecycle.audit.models import Entry
from lifecycle.people.models import User
from portal import record, spreadsheets
from portal.web.auditwords import sentence

COLUMNS = ("id", "at", "actor_id", "actor_name", "verb", "object_type", "object_id", "object_name", "reason", "detail")


def exported(asked: Mapping[str, Any], *, form: str, by: User) -> StreamingHttpResponse:
    """`asked` holds filters of the record, `form` one of FORMS. That it was taken is recorded first."""
    kind, written = FORMS[form]
    chunks = hand_out(record.wanted(asked), zone=by.tz, form=form, asked=_plain(asked), by=by)
    answer = StreamingHttpResponse(written(chunks, by), content_type=kind)
    name = f"audit-{clock.now().astimezone(by.tz):%Y-%m-%d}.{form}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


def _csv(chunks: Iterator[list[Entry]], reader: User) -> Iterator[str]:
    """With the sentence of the page, in the reader's zone; all other moments are UTC."""
    yield spreadsheets.MARK + spreadsheets.lines([(*COLUMNS, "sentence")])
    for chunk in chunks:
        with timezone.override(reader.tz):
            rows = [(*_values(entry, detail=_json(entry.detail)), sentence(entry)) for entry in chunk]
        yield spreadsheets.lines(rows)


def _jsonl(chunks: Iterator[list[Entry]], reader: User) -> Iterator[str]:
    """As the API shows entries, one a line."""
    for chunk in chunks:
        yield "".join(
            f"{_json(dict(zip(COLUMNS, _values(entry, detail=entry.detail), strict=True)))}\n" for entry in chunk
        )


def _values(entry: Entry, *, detail: Any) -> Sequence[Any]:
    at = entry.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return (entry.pk, at, *(getattr(entry, name) for name in COLUMNS[2:-1]), detail)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, cls=DjangoJSONEncoder)


def _plain(asked: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in asked.items() if value not in (None, "")}


FORMS: dict[str, tuple[str, Callable[[Iterator[list[Entry]], User], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", _csv),
    "jsonl": ("application/jsonl", _jsonl),
}
