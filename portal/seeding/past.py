"""What the register would know by now, had it looked at the data centre for two months."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import groupby

from django.db import transaction
from django.db.models import F

from hypervisors.simulated.datacentre import DataCentre
from hypervisors.simulated.usage import Use
from lifecycle.estate.usage.days import Hour, day_of
from lifecycle.estate.usage.rolling import HOURS_KEPT, midnight
from lifecycle.models import (
    Datastore,
    DiskFile,
    Endpoint,
    Finding,
    Machine,
    UsageDay,
    UsageHour,
    UsageMark,
    WasteDay,
)
from lifecycle.sprawl.thresholds import Limits
from lifecycle.sprawl.usage import quiet_of

FIRST_SEEN = timedelta(days=60)
USED = timedelta(days=35)
"""How far back use, and what it came to, are known."""
LOOKS = 60
"""Complete looks at disk files: one a day."""
TOGETHER = 2_000
HOUR = timedelta(hours=1)
SUMS = ("saves_cents", "vcpus", "memory_mib", "disk_mib")


@transaction.atomic
def fill(endpoint: Endpoint, dc: DataCentre, *, now: datetime) -> None:
    """Before findings are looked for."""
    first = now - FIRST_SEEN
    machines = Machine.objects.filter(endpoint=endpoint)
    machines.update(first_seen_at=first)
    machines.filter(created_at__gt=first).update(first_seen_at=F("created_at"))
    _usage(endpoint, dc, now)
    _files(endpoint, dc, now)


@transaction.atomic
def trend(endpoint: Endpoint, *, now: datetime) -> None:
    """After they were found: on each day, what stands today and had begun by then."""
    rows = WasteDay.objects.filter(endpoint=endpoint, day=now.date())
    standing = list(Finding.objects.standing().only("kind", "since", "counts", *SUMS))
    WasteDay.objects.bulk_create(
        _waste(row, [one for one in standing if one.kind == row.kind], now - timedelta(days=days))
        for row in rows
        for days in range(1, USED.days + 1)
    )


def _waste(today: WasteDay, standing: list[Finding], at: datetime) -> WasteDay:
    found = [one for one in standing if one.since <= at]
    sums = {name: sum(getattr(one, name) for one in found if one.counts) for name in SUMS}
    return WasteDay(day=at.date(), endpoint_id=today.endpoint_id, kind=today.kind, findings=len(found), **sums)


def _usage(endpoint: Endpoint, dc: DataCentre, now: datetime) -> None:
    """Days as the roll-up makes them, and the hours of the last week."""
    end = now.replace(minute=0, second=0, microsecond=0)
    week = midnight(now.date() - HOURS_KEPT)
    machines = {row.native_ref: row for row in Machine.objects.filter(endpoint=endpoint).only("native_ref", "vcpus")}
    days: list[UsageDay] = []
    hours: list[UsageHour] = []
    for ref, uses in dc.history(midnight((now - USED).date()), end):
        days += _days(machines[ref], uses)
        hours += [
            UsageHour(machine=machines[ref], hour=use.ended_at - HOUR, **_hour(use)._asdict())
            for use in uses
            if use.ended_at > week
        ]
    UsageDay.objects.bulk_create(days, batch_size=TOGETHER)
    UsageHour.objects.bulk_create(hours, batch_size=TOGETHER)
    # What follows is measured from here on.
    UsageMark.objects.bulk_create(UsageMark(machine_id=pk, at=end) for pk in {hour.machine_id for hour in hours})


def _days(machine: Machine, uses: Iterable[Use]) -> Iterable[UsageDay]:
    quiet = quiet_of(Limits())
    for day, group in groupby(uses, key=lambda use: (use.ended_at - HOUR).date()):
        if figures := day_of(map(_hour, group), vcpus=machine.vcpus, quiet=quiet):
            yield UsageDay(machine=machine, day=day, **figures._asdict())


def _hour(use: Use) -> Hour:
    return Hour(
        seconds=3600,
        cpu_ms=round(use.cpu_seconds * 1000),
        memory_mib=use.memory_mib,
        io_kib=(use.read_bytes + use.written_bytes) // 1024,
        net_kib=(use.received_bytes + use.sent_bytes) // 1024,
    )


def _files(endpoint: Endpoint, dc: DataCentre, now: datetime) -> None:
    """Disk files of no machine, as looks of two months found them."""
    stores = {store.ref: store for store in Datastore.objects.filter(endpoint=endpoint)}
    DiskFile.objects.bulk_create(
        DiskFile(
            datastore=stores[disk["datastore_ref"]], ref=disk["ref"], name=disk["path"], size_mib=disk["size_mib"],
            changed_at=datetime.fromisoformat(disk["changed_at"]), unused_since=now - FIRST_SEEN, looks=LOOKS,
            seen_at=now,
        )
        for disk in dc.disks()
        if not disk["machine_ref"]
    )  # fmt: skip
    Datastore.objects.filter(endpoint=endpoint).update(files_at=now)
    Endpoint.objects.filter(pk=endpoint.pk).update(files_at=now)
