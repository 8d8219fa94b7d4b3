"""Storing what was reckoned: only rows that are new, differ, or have nothing behind them any more are written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from django.db.models import Model

from lifecycle.money.models import Charge, Line
from lifecycle.money.reckoning import Key, Reckoned

M = TypeVar("M", bound=Model)


def store(wanted: Mapping[Key, Reckoned], *, machines: Sequence[int], first: date) -> tuple[int, int]:
    """Makes these machines' lines from month `first` on exactly the wanted ones: (lines written, lines removed)."""
    stored = {_key(line): line for line in Line.objects.filter(machine__in=machines, month__gte=first).order_by()}
    charges: defaultdict[int, list[Charge]] = defaultdict(list)
    for charge in Charge.objects.filter(line__machine__in=machines, line__month__gte=first).order_by():
        charges[charge.line_id].append(charge)

    gone = [line.pk for key, line in stored.items() if key not in wanted]
    Charge.objects.filter(line__in=gone).delete()
    Line.objects.filter(pk__in=gone).delete()

    lines = {key: stored.get(key) or _new_line(key) for key in wanted}
    changed = [lines[key] for key, reckoned in wanted.items() if _fill(lines[key], **_totals(reckoned))]
    _upsert(Line, changed, ["seconds", "unit_seconds", "cents"])
    _store_charges([(lines[key], reckoned, charges[lines[key].pk]) for key, reckoned in wanted.items()])
    return len(changed), len(gone)


def _store_charges(lines: Sequence[tuple[Line, Reckoned, list[Charge]]]) -> None:
    changed, gone = [], []
    for line, reckoned, charges in lines:
        by_span = {charge.span_id: charge for charge in charges}
        for part in reckoned.parts:
            charge = by_span.pop(part.span.pk, None) or Charge(line=line, span=part.span)
            facts = {"started_at": part.started_at, "ended_at": part.ended_at, "seconds": part.seconds}
            if _fill(charge, quantity=part.span.quantity, **facts):
                changed.append(charge)
        gone += [charge.pk for charge in by_span.values()]
    Charge.objects.filter(pk__in=gone).delete()
    _upsert(Charge, changed, ["started_at", "ended_at", "seconds", "quantity"])


def _key(line: Line) -> Key:
    return Key(line.month, line.machine_id, line.meter, line.tenure_id, line.rate_id)


def _new_line(key: Key) -> Line:
    return Line(
        month=key.month,
        machine_id=key.machine_id,
        meter=key.meter,
        tenure_id=key.tenure_id,
        rate_id=key.rate_id,
    )


def _totals(reckoned: Reckoned) -> dict[str, int]:
    return {"seconds": reckoned.seconds, "unit_seconds": reckoned.unit_seconds, "cents": reckoned.cents}


def _fill(row: Model, **values: Any) -> bool:
    """Sets the values; says whether the row has to be written."""
    differs = row.pk is None or any(getattr(row, name) != value for name, value in values.items())
    for name, value in values.items():
        setattr(row, name, value)
    return differs


def _upsert(model: type[M], rows: Sequence[M], fields: Sequence[str]) -> None:
    """New rows are inserted, known ones updated by their key: two statements, however many rows."""
    manager = model._default_manager
    new, known = [row for row in rows if row.pk is None], [row for row in rows if row.pk is not None]
    manager.bulk_create(new, batch_size=1000)
    manager.bulk_create(
        known,
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=fields,
    )
