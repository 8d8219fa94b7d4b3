"""What a machine used, as its page shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from lifecycle.estate.models import Machine, UsageDay
from lifecycle.estate.usage.reading import Past
from portal.web.charts import BarChart, Point


@dataclass(frozen=True)
class Use:
    machine: Machine
    past: Past

    def __bool__(self) -> bool:
        return bool(self.past.days and self.machine.vcpus)

    @property
    def chart(self) -> BarChart:
        """Percent of all its vCPUs, on an axis that always reaches the whole: little shall look like little."""
        measured = {day.day: day for day in self.past.days}
        return BarChart(
            title=_("Processors in use"),
            subtitle=_("mean of each day, in percent of %(vcpus)s vCPU") % {"vcpus": self.machine.vcpus},
            points=[self._point(day, measured.get(day)) for day in self._calendar()],
            head=_("Day"),
            finding=_("%(mean)s on average in the last 30 days, %(top)s in the busiest hour") % {
                "mean": percent(self._share(self.past.cpu_milli)),
                "top": percent(self._share(self.past.cpu_top_milli)),
            },
            say=percent,
            say_axis=lambda value: f"{value:.0f}",
            top=100,
        )  # fmt: skip

    def _calendar(self) -> Iterator[date]:
        return (
            self.past.first + timedelta(days=number) for number in range((self.past.last - self.past.first).days + 1)
        )

    def _point(self, at: date, day: UsageDay | None) -> Point:
        name, short = date_format(at, _("j F")), str(at.day)
        if day is None:
            return Point(name, 0, short=short, words=_("not measured"))
        return Point(name, self._share(day.cpu_milli), short=short)

    def _share(self, milli: float) -> float:
        return milli / (10 * self.machine.vcpus)


def percent(value: float) -> str:
    """Of little, a digit more."""
    return _("%(number)s %%") % {"number": number_format(value, 1 if value < 10 else 0)}
