"""Adding samples to the hours of their machines, a chunk at a time."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from hypervisors.contract import UsageSample
from lifecycle.estate.models import Endpoint, UsageHour, UsageMark
from lifecycle.estate.usage.samples import Mark, Refused, Share, Size, read, shares

log = logging.getLogger(__name__)


class Running(NamedTuple):
    """A machine that is asked about."""

    pk: int
    size: Size


@transaction.atomic
def add(endpoint: Endpoint, samples: Sequence[UsageSample], running: Mapping[str, Running], now: datetime) -> int:
    """Returns how many samples added something. The number of queries does not depend on that of samples."""
    # One writer per endpoint at a time: two that read the same mark would both count what followed it.
    Endpoint.objects.select_for_update().values_list("pk").get(pk=endpoint.pk)
    pks = {running[sample.ref].pk for sample in samples}
    before = {
        row.machine_id: Mark(row.at, row.cpu_ms, row.io_bytes, row.net_bytes)
        for row in UsageMark.objects.filter(machine__in=pks)
    }
    marks, found, added = dict(before), list[tuple[int, Share]](), 0
    refused: list[str] = []
    for sample in samples:
        pk, size = running[sample.ref]
        try:
            use, marks[pk] = read(sample, size=size, mark=marks.get(pk), now=now)
        except (Refused, ArithmeticError, AttributeError, TypeError, ValueError) as error:
            refused.append(f"machine {pk}: {error}")
            continue
        if use is not None:
            added += 1
            found += [(pk, share) for share in shares(use)]
    if refused:
        # One line, however many: what is wrong with one is often wrong with all.
        log.warning("%s samples of endpoint %s were passed over: %s", len(refused), endpoint.pk, "; ".join(refused[:3]))
    _write_hours(found)
    _write_marks({pk: mark for pk, mark in marks.items() if mark != before.get(pk)})
    return added


def _write_hours(found: Sequence[tuple[int, Share]]) -> None:
    if not found:
        return
    machines, hours = {pk for pk, _share in found}, {share.hour for _pk, share in found}
    known = UsageHour.objects.filter(machine__in=machines, hour__in=hours).order_by()
    rows = {(row.machine_id, row.hour): row for row in known}
    for pk, share in found:
        row = rows.get((pk, share.hour))
        if row is None:
            rows[pk, share.hour] = UsageHour(
                machine_id=pk, hour=share.hour, seconds=share.seconds, cpu_ms=share.cpu_ms,
                memory_mib=share.memory_mib, io_kib=share.io_kib, net_kib=share.net_kib,
            )  # fmt: skip
        else:
            _add(row, share)
    UsageHour.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=["machine", "hour"],
        update_fields=["seconds", "cpu_ms", "memory_mib", "io_kib", "net_kib"],
    )


def _add(row: UsageHour, share: Share) -> None:
    row.seconds += share.seconds
    row.cpu_ms += share.cpu_ms
    row.memory_mib = max((each for each in (row.memory_mib, share.memory_mib) if each is not None), default=None)
    # What is told of a part of the hour only would be taken for little.
    row.io_kib = None if row.io_kib is None or share.io_kib is None else row.io_kib + share.io_kib
    row.net_kib = None if row.net_kib is None or share.net_kib is None else row.net_kib + share.net_kib


def _write_marks(marks: Mapping[int, Mark]) -> None:
    UsageMark.objects.bulk_create(
        [
            UsageMark(machine_id=pk, at=mark.at, cpu_ms=mark.cpu_ms, io_bytes=mark.io_bytes, net_bytes=mark.net_bytes)
            for pk, mark in marks.items()
        ],
        update_conflicts=True,
        unique_fields=["machine"],
        update_fields=["at", "cpu_ms", "io_bytes", "net_bytes"],
    )
