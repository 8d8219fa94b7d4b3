"""Waste per month as it stood day by day: what is drawn, in which measure, and what is honestly said of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.sprawl.models import Kind
from lifecycle.sprawl.overview import Waste, by_day, by_month
from portal.templatetags.figures import gib, money, vcpus
from portal.web.stacked import Series, StackedChart

SERIES: list[tuple[str | Promise, frozenset[str]]] = [
    (lazy("Orphans"), frozenset({Kind.ORPHAN})),
    (lazy("Idle"), frozenset({Kind.IDLE, Kind.POWERED_OFF})),
    (lazy("Oversized"), frozenset({Kind.OVERSIZED})),
    (lazy("Snapshots, disks"), frozenset({Kind.SNAPSHOTS, Kind.DISK_FILE, Kind.IMAGE})),
]
OTHER = lazy("Past end, other")


def _euro(cents: float) -> str:
    return money(round(cents), "whole")


@dataclass(frozen=True)
class Measure:
    key: str
    word: str | Promise
    column: str
    subtitle: str | Promise
    say: Callable[[float], str]


MEASURES = {
    measure.key: measure
    for measure in (
        Measure("money", "€", "saves_cents", lazy("what the open findings could give back"), _euro),
        Measure("vcpu", "vCPU", "vcpus", lazy("vCPU that could be had back"), lambda value: vcpus(round(value))),
        Measure("memory", "GiB", "memory_mib", lazy("memory that could be had back"), lambda value: gib(round(value))),
    )
}
PERIODS: dict[str, str | Promise] = {"days": lazy("Last 90 days"), "months": lazy("Last 12 months")}


@dataclass(frozen=True)
class Trend:
    waste: list[Waste]
    measure: Measure
    period: str

    @property
    def days(self) -> list[date]:
        return sorted({row.day for row in self.waste})

    @property
    def chart(self) -> StackedChart:
        return StackedChart(
            title=str(_("Waste per month")),
            subtitle=str(self.measure.subtitle),
            days=self.days,
            series=list(self._series()),
            finding=self._finding(),
            say=self.measure.say,
            tick_format="j M" if self.period == "days" else "M y",
        )

    def before(self, today: date) -> int | None:
        """How many findings stood open at the end of last month, if that was looked at."""
        earlier = [day for day in self.days if (day.year, day.month) < (today.year, today.month)]
        if not earlier or (today.replace(day=1) - earlier[-1]).days > 3:
            return None
        return sum(row.findings for row in self.waste if row.day == earlier[-1])

    def _series(self) -> Iterable[Series]:
        days, named = self.days, set().union(*(kinds for _name, kinds in SERIES))
        sums: defaultdict[tuple[date, str], int] = defaultdict(int)
        for row in self.waste:
            sums[row.day, row.kind] += getattr(row, self.measure.column)
        rest = frozenset({row.kind for row in self.waste} - named)
        for place, (name, kinds) in enumerate([*SERIES, (OTHER, rest)], 1):
            yield Series(str(name), place, [sum(sums[day, kind] for kind in kinds) for day in days])

    def _finding(self) -> str:
        sums = self._sums()
        if not sums:
            return str(_("Nothing is known yet."))
        first, last = self.days[0], self.days[-1]
        return _("%(now)s on %(last)s, %(then)s on %(first)s") % {
            "now": self.measure.say(sums[last]), "then": self.measure.say(sums[first]),
            "last": f"{last:%d.%m.%Y}", "first": f"{first:%d.%m.%Y}",
        }  # fmt: skip

    def _sums(self) -> dict[date, int]:
        sums: defaultdict[date, int] = defaultdict(int)
        for row in self.waste:
            sums[row.day] += getattr(row, self.measure.column)
        return sums


def trend(asked: Mapping[str, str], *, endpoint: int | None) -> Trend:
    """As the address asks for it; what it does not know is left as it usually is."""
    period = asked.get("period", "") if asked.get("period", "") in PERIODS else "days"
    waste = by_month(endpoint=endpoint) if period == "months" else by_day(endpoint=endpoint)
    return Trend(waste, MEASURES.get(asked.get("measure", ""), MEASURES["money"]), period)
