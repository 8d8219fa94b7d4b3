"""Spans of many machines at once: what `estate/history.py` does for one, in a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from lifecycle.estate.history import quantities
from lifecycle.estate.models import Machine, Meter, Span


def settle_many(machines: Iterable[Machine], *, at: datetime, ended_at: Mapping[int, datetime], cause: str) -> None:
    """Brings open spans in line with the machines' columns, by the bracket rule.

    What ended did so at the previous look, `ended_at[pk]`; what began did so at this one, `at`: the time between is
    the holder's.
    """
    wanted = {machine.pk: quantities(machine) for machine in machines}
    ending = []
    for pk, spans in _open_spans(wanted).items():
        for span in spans:
            if wanted[pk].get(Meter(span.meter)) == span.quantity:
                del wanted[pk][Meter(span.meter)]
            else:
                ending.append((span, ended_at[pk]))
    _end(ending)
    Span.objects.bulk_create(
        Span(machine_id=pk, meter=meter, quantity=quantity, started_at=_second(at), cause=cause)
        for pk, meters in wanted.items()
        for meter, quantity in meters.items()
    )


def close_many(ended_at: Mapping[int, datetime]) -> None:
    """Ends all metering of these machines, each at its own moment."""
    _end((span, ended_at[pk]) for pk, spans in _open_spans(ended_at).items() for span in spans)


def _open_spans(pks: Iterable[int]) -> Mapping[int, list[Span]]:
    found: defaultdict[int, list[Span]] = defaultdict(list)
    for span in Span.objects.filter(machine__in=list(pks), ended_at=None).order_by():
        found[span.machine_id].append(span)
    return found


def _end(ending: Iterable[tuple[Span, datetime]]) -> None:
    """A span that would have lasted no second is no history, and goes."""
    ended: list[Span] = []
    empty: list[Span] = []
    for span, at in ending:
        span.ended_at = _second(at)
        (ended if span.ended_at > span.started_at else empty).append(span)
    if ended:
        Span.objects.bulk_update(ended, ["ended_at"])
    if empty:
        Span.objects.filter(pk__in=[span.pk for span in empty]).delete()


def _second(at: datetime) -> datetime:
    return at.replace(microsecond=0)
