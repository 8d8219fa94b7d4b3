"""One sample made fit for the tables: checked, set against the one before, and parted at the borders of hours."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypervisors.contract import UsageSample

HOUR = timedelta(hours=1)
LONGEST = timedelta(hours=2)
"""Of a window, and of the time between two samples that are compared: beyond it nobody knows when it was used."""
OLDEST, AHEAD = timedelta(days=1), timedelta(hours=1)
"""How far a hypervisor's clock may be off ours."""
MOST_VCPUS = 1024
MOST_BYTES_A_SECOND = 100 * 1024**3
MOST_COUNTED = 2**62
KIB = 1024


class Refused(ValueError):
    """Numbers that cannot be: the sample is passed over, and its machine asked again next time."""


@dataclass(frozen=True, slots=True)
class Size:
    """What a machine has, as the last scan saw it; 0 is unknown."""

    vcpus: int
    memory_mib: int


@dataclass(frozen=True, slots=True)
class Mark:
    """The sample before. Amounts are those that count on from the machine's start, None of windows."""

    at: datetime
    cpu_ms: int | None = None
    io_bytes: int | None = None
    net_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """What was used from one moment to another. None: not told."""

    start: datetime
    end: datetime
    cpu_ms: int
    memory_mib: int | None
    io_kib: int | None
    net_kib: int | None

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a use that lies in one hour."""

    hour: datetime
    seconds: int
    cpu_ms: int
    memory_mib: int | None
    io_kib: int | None
    net_kib: int | None


def read(sample: UsageSample, *, size: Size, mark: Mark | None, now: datetime) -> tuple[Use | None, Mark]:
    """What this sample adds to what is known, if anything, and the mark that it leaves. Raises Refused.

    A window that was read before adds nothing, and one that overlaps only its later part.
    """
    _check(sample, size, now)
    at = sample.at.astimezone(UTC)
    if mark is not None and at <= mark.at:
        return None, mark
    if sample.seconds is None:
        return _counted(sample, at, size, mark)
    start = at - timedelta(seconds=sample.seconds)
    begin = max(start, mark.at) if mark else start
    use = Use(
        start, at, round(1000 * _told(sample.cpu_seconds)), sample.memory_mib,
        _kib(_sum(sample.read_bytes, sample.written_bytes)), _kib(_sum(sample.received_bytes, sample.sent_bytes)),
    )  # fmt: skip
    _check_use(use, size)
    return _later_part(use, begin), Mark(at)


def shares(use: Use) -> Iterator[Share]:
    """By the hour (UTC), in proportion to time; their sums are those of the whole."""
    begin, whole = use.start, use.end - use.start
    while begin < use.end:
        hour = begin.replace(minute=0, second=0, microsecond=0)
        end = min(use.end, hour + HOUR)
        before, after = (begin - use.start) / whole, (end - use.start) / whole
        yield Share(
            hour, _part(round(whole.total_seconds()), before, after), _part(use.cpu_ms, before, after), use.memory_mib,
            _told_part(use.io_kib, before, after), _told_part(use.net_kib, before, after),
        )  # fmt: skip
        begin = end


def _counted(sample: UsageSample, at: datetime, size: Size, mark: Mark | None) -> tuple[Use | None, Mark]:
    """The difference to the sample before; a smaller amount than then means that the machine was started anew."""
    new = Mark(
        at, round(1000 * _told(sample.cpu_seconds)), _sum(sample.read_bytes, sample.written_bytes),
        _sum(sample.received_bytes, sample.sent_bytes),
    )  # fmt: skip
    if mark is None or mark.cpu_ms is None or new.cpu_ms is None or at - mark.at > LONGEST:
        return None, new
    differences = [new.cpu_ms - mark.cpu_ms, _minus(new.io_bytes, mark.io_bytes), _minus(new.net_bytes, mark.net_bytes)]
    if any(each is not None and each < 0 for each in differences):
        return None, new
    cpu_ms, io_bytes, net_bytes = differences
    use = Use(mark.at, at, cpu_ms or 0, sample.memory_mib, _kib(io_bytes), _kib(net_bytes))
    _check_use(use, size)
    return use, new


def _check(sample: UsageSample, size: Size, now: datetime) -> None:
    if sample.at.tzinfo is None or not -AHEAD <= now - sample.at <= OLDEST:
        raise Refused(f"at {sample.at}")
    if sample.seconds is not None and not (
        _is_amount(sample.seconds) and 0 < sample.seconds <= LONGEST.total_seconds()
    ):
        raise Refused(f"a window of {sample.seconds} s")
    if not _is_amount(sample.cpu_seconds) or _told(sample.cpu_seconds) > MOST_COUNTED / 1000:
        raise Refused(f"{sample.cpu_seconds} s of processors")
    amounts = sample.memory_mib, sample.read_bytes, sample.written_bytes, sample.received_bytes, sample.sent_bytes
    if any(each is not None and (type(each) is not int or not 0 <= each <= MOST_COUNTED) for each in amounts):
        raise Refused(f"amounts {amounts}")
    if size.memory_mib and sample.memory_mib is not None and sample.memory_mib > 2 * size.memory_mib:
        raise Refused(f"{sample.memory_mib} MiB of {size.memory_mib}")


def _check_use(use: Use, size: Size) -> None:
    """Twice what there is leaves room for processors that run faster than they say, and for a size just changed."""
    if use.cpu_ms > 2000 * (size.vcpus or MOST_VCPUS) * use.seconds:
        raise Refused(f"{use.cpu_ms} ms of {size.vcpus} processors in {use.seconds} s")
    most = MOST_BYTES_A_SECOND / KIB * use.seconds
    if max(use.io_kib or 0, use.net_kib or 0) > most:
        raise Refused(f"{use.io_kib} and {use.net_kib} KiB in {use.seconds} s")


def _later_part(use: Use, begin: datetime) -> Use:
    share = (use.end - begin) / (use.end - use.start)
    return Use(
        begin, use.end, round(use.cpu_ms * share), use.memory_mib,
        None if use.io_kib is None else round(use.io_kib * share),
        None if use.net_kib is None else round(use.net_kib * share),
    )  # fmt: skip


def _is_amount(number: object) -> bool:
    return type(number) in (int, float) and math.isfinite(number) and number >= 0  # type: ignore[arg-type, operator]


def _told(number: float | None) -> float:
    return number or 0.0


def _sum(one: int | None, other: int | None) -> int | None:
    """Half of it says nothing about the whole."""
    return None if one is None or other is None else one + other


def _minus(later: int | None, earlier: int | None) -> int | None:
    return None if later is None or earlier is None else later - earlier


def _kib(amount: int | None) -> int | None:
    return None if amount is None else round(amount / KIB)


def _part(amount: int, before: float, after: float) -> int:
    return round(amount * after) - round(amount * before)


def _told_part(amount: int | None, before: float, after: float) -> int | None:
    return None if amount is None else _part(amount, before, after)
