"""What a machine will cost, before there is one: computed as its statement lines will be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.errors import Invalid
from lifecycle.estate.models import Meter, Stage
from lifecycle.money import calendar
from lifecycle.money.models import Rate
from lifecycle.money.rates import PriceList, cents

KEPT = (Stage.QUARANTINED, Stage.REMOVING)


class Sized(Protocol):
    """A machine, or a size of the catalogue."""

    @property
    def pk(self) -> Any: ...
    @property
    def vcpus(self) -> int: ...
    @property
    def memory_mib(self) -> int: ...
    @property
    def disk_mib(self) -> int: ...


@dataclass(frozen=True)
class QuoteLine:
    """One meter: `quantity` units at `micros` millionths for `per` units and calendar month."""

    meter: Meter
    quantity: int
    micros: int
    per: int
    cents_per_month: int
    cents_until_end: int


@dataclass(frozen=True)
class Quote:
    """`card` is the one in force at the start; months under a later card that is already published cost its prices."""

    card: str
    lines: tuple[QuoteLine, ...]
    cents_per_month: int
    cents_until_end: int


def quote(
    *,
    vcpus: int,
    memory_mib: int,
    disk_mib: int,
    starts_at: datetime,
    ends_at: datetime,
    prices: PriceList | None = None,
) -> Quote:
    """The price of a machine that is on from `starts_at` until `ends_at`: its statements add up to exactly this.

    `prices` saves a query to whoever has them already.
    """
    start, end = calendar.whole(starts_at), calendar.whole(ends_at)
    if end <= start:
        raise Invalid(_("The end must be after the start."), field="ends_at")
    prices = prices or PriceList.load()
    first = calendar.month_of(start)
    rates = prices.complete_at(first)
    quantities = _quantities(vcpus, memory_mib, disk_mib)
    until_end = _cents_until_end(prices, quantities, start, end)
    lines = tuple(
        QuoteLine(meter, units, rate.micros, rate.per, _cents_per_month(units, rate, first), until_end[meter])
        for (meter, units), rate in zip(quantities.items(), rates.values(), strict=True)
    )
    return Quote(
        card=rates[Meter.VCPU].card.name,
        lines=lines,
        cents_per_month=sum(line.cents_per_month for line in lines),
        cents_until_end=sum(line.cents_until_end for line in lines),
    )


def monthly_cents(*, vcpus: int, memory_mib: int, disk_mib: int, month: date | None = None) -> int:
    """The price of a whole month, always on; by the present month's card unless told otherwise."""
    month = month or calendar.month_of(clock.now())
    return _monthly(_quantities(vcpus, memory_mib, disk_mib), PriceList.load().complete_at(month), month)


def monthly_cents_of(
    machines: Iterable[Sized], *, prices: PriceList | None = None, month: date | None = None
) -> dict[int, int]:
    """Id -> price of a whole month at its present size, always on; of a stopped one that is kept, its disks.

    Empty while no rate card is in force. By the present month's card unless told otherwise.
    """
    month = month or calendar.month_of(clock.now())
    prices = prices or PriceList.load()
    if not prices.at(month):
        return {}
    rates = prices.complete_at(month)
    return {machine.pk: _monthly(_running(machine), rates, month) for machine in machines}


def _running(machine: Sized) -> dict[Meter, int]:
    kept = getattr(machine, "stage", None) in KEPT
    return _quantities(0 if kept else machine.vcpus, 0 if kept else machine.memory_mib, machine.disk_mib)


def _quantities(vcpus: int, memory_mib: int, disk_mib: int) -> dict[Meter, int]:
    return {Meter.VCPU: vcpus, Meter.MEMORY: memory_mib, Meter.DISK: disk_mib}


def _monthly(quantities: Mapping[Meter, int], rates: Mapping[Meter, Rate], month: date) -> int:
    return sum(_cents_per_month(quantity, rates[meter], month) for meter, quantity in quantities.items())


def _cents_per_month(quantity: int, rate: Rate, month: date) -> int:
    return cents(quantity * calendar.month_seconds(month), rate, month)


def _cents_until_end(
    prices: PriceList, quantities: Mapping[Meter, int], start: datetime, end: datetime
) -> dict[Meter, int]:
    """Rounded once per meter and month, as statement lines are."""
    total = dict.fromkeys(quantities, 0)
    for month, begins, ends in calendar.months_between(start, end):
        rates, seconds = prices.complete_at(month), calendar.seconds_between(begins, ends)
        for meter, quantity in quantities.items():
            total[meter] += cents(quantity * seconds, rates[meter], month)
    return total
