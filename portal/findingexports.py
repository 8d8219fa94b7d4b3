"""Findings to take away, as CSV or as JSON lines, while they are read: any number of rows, in little memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import StreamingHttpResponse

from lifecycle import clock
from lifecycle.people.models import User
from lifecycle.sprawl.models import Finding
from lifecycle.sprawl.reports import hand_out
from portal import findings, spreadsheets
from portal.web.findingrows import endpoint_of
from portal.web.findingwords import CONFIDENCES

COLUMNS = (
    "id", "kind", "subject", "name", "uuid", "endpoint", "pool", "holder", "team", "since", "found_at", "confidence",
    "action", "cents_per_month", "saves_cents", "vcpus", "memory_mib", "disk_mib", "counts", "exempt_until",
    "exempt_reason",
)  # fmt: skip


def exported(asked: Mapping[str, Any], *, form: str, by: User) -> StreamingHttpResponse:
    """`asked` holds filters by the API's names, `form` one of FORMS. That it was taken is recorded first."""
    kind, written = FORMS[form]
    plain = {name: str(getattr(value, "pk", value)) for name, value in asked.items() if value not in (None, "")}
    chunks = hand_out(findings.wanted(asked), form=form, asked=plain, by=by)
    answer = StreamingHttpResponse(written(chunks), content_type=kind)
    name = f"findings-{clock.now().astimezone(by.tz):%Y-%m-%d}.{form}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


def _csv(chunks: Iterator[list[Finding]]) -> Iterator[str]:
    yield spreadsheets.MARK + spreadsheets.lines([(*COLUMNS, "currency", "evidence")])
    for chunk in chunks:
        yield spreadsheets.lines([*_values(one), settings.CURRENCY, _in_words(one)] for one in chunk)


def _jsonl(chunks: Iterator[list[Finding]]) -> Iterator[str]:
    for chunk in chunks:
        yield "".join(
            json.dumps(dict(zip(COLUMNS, _values(one), strict=True)) | {"evidence": one.evidence}, ensure_ascii=False)
            + "\n"
            for one in chunk
        )


def _values(one: Finding) -> list[Any]:
    machine, exemption = one.machine, one.exemption
    subject = "machine" if machine else "disk_file" if one.disk_file else "image"
    holder = machine.holder if machine else None
    team = (machine.team or (holder.team if holder else None)) if machine else None
    return [
        one.pk, one.kind, subject, one.subject.name, str(machine.uuid) if machine else "", endpoint_of(one).name,
        machine.pool.name if machine and machine.pool else "", holder.username if holder else "",
        team.name if team else "", _moment(one.since), _moment(one.found_at), CONFIDENCES[one.confidence],
        one.action, one.cents_per_month, one.saves_cents, one.vcpus, one.memory_mib, one.disk_mib, one.counts,
        _moment(exemption.ends_at) if exemption else "", exemption.reason if exemption else "",
    ]  # fmt: skip


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _in_words(one: Finding) -> str:
    return "; ".join(f"{each.get('what', '')}: {each.get('value', '')}" for each in one.evidence)


FORMS: dict[str, tuple[str, Callable[[Iterator[list[Finding]]], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", _csv),
    "jsonl": ("application/jsonl", _jsonl),
}
