"""Everything the sprawl overview shows, gathered once. Each number has the address of exactly its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.estate.models import Endpoint, Scan
from lifecycle.people.models import User
from lifecycle.people.permissions import runs_the_house, sees_all
from lifecycle.sprawl import overview
from lifecycle.sprawl.models import Kind
from lifecycle.sprawl.reports import Totals
from portal.findings import NOBODY
from portal.templatetags import moments
from portal.web.findingrows import chips_of
from portal.web.findingwords import AGES, CONFIDENCES, KINDS, URGENCIES, Look
from portal.web.forms_house.findings import PlaceFilter
from portal.web.looks import LookRow
from portal.web.wastechart import MEASURES, PERIODS, Trend, trend

KEPT = ("endpoint", "pool", "team")
MOST_TEAMS = 8


@dataclass(frozen=True)
class Row:
    name: str | Promise
    totals: Totals
    url: str
    look: Look | None = None
    confidence: str = ""
    urgency: str = ""


def looks() -> list[LookRow]:
    running = Scan.objects.filter(state=Scan.State.RUNNING).select_related("endpoint").order_by("endpoint__name")
    return [LookRow(scan) for scan in running]


class SprawlPage:
    def __init__(self, by: User, asked: QueryDict) -> None:
        self.by = by
        self.asked = asked
        self.now: datetime = clock.now()
        self.form = PlaceFilter(asked, by=by)
        self.of_house = sees_all(by)
        self.kept = {name: asked[name] for name in KEPT if asked.get(name) and name in self.form.cleaned_data}
        self.runs = runs_the_house(by)

    @cached_property
    def counted(self) -> overview.Counted:
        return overview.counted(self.by, self.form.wanted)

    @property
    def found(self) -> overview.Overview:
        return self.counted.found

    @property
    def machines(self) -> overview.Machines:
        return self.counted.machines

    # What there is before anything was looked at

    @property
    def endpoints(self) -> list[Endpoint]:
        return self.form.endpoints

    @property
    def nothing_yet(self) -> bool:
        """Of the house: no endpoint was ever looked at completely."""
        return self.of_house and not any(each.scans for each in self.endpoints)

    @cached_property
    def looks(self) -> list[LookRow]:
        """Asked for only while some endpoint waits for its first complete look."""
        return looks() if self.of_house and not all(each.scans for each in self.endpoints) else []

    @property
    def scanned(self) -> dict[str, Any] | None:
        """How many endpoints were looked at completely, and how long ago the oldest of these looks is."""
        if not self.endpoints:
            return None
        complete = [each for each in self.endpoints if each.scanned_at and not each.failing_since]
        oldest = min((each.scanned_at for each in complete if each.scanned_at), default=None)
        real = timezone.localtime(timezone.now())
        return {
            "complete": len(complete),
            "all": len(self.endpoints),
            "fine": len(complete) == len(self.endpoints),
            "oldest": moments.relative(timezone.localtime(oldest), real) if oldest else "",
        }

    # Rows, each list adding up to what the strip says

    @property
    def kinds(self) -> list[Row]:
        return [
            Row(
                KINDS[kind].word,
                totals,
                self.url(kind=kind),
                KINDS[kind],
                CONFIDENCES[self.found.confidence[kind]],
                URGENCIES[kind],
            )
            for kind, totals in self.found.by_kind.items()
        ]

    @cached_property
    def teams(self) -> list[Row]:
        names = self.form.teams
        return [
            Row(names.get(team, _("Another team")) if team else _("Nobody"), totals, self.url(team=team or NOBODY))
            for team, totals in self.found.by_team.items()
        ]

    @property
    def first_teams(self) -> list[Row]:
        return self.teams[:MOST_TEAMS]

    @property
    def other_teams(self) -> list[Row]:
        return self.teams[MOST_TEAMS:]

    @property
    def ages(self) -> list[Row]:
        of = self.found.by_age
        return [Row(words, of[age], self.url(age=age)) for age, words in AGES.items() if age in of]

    @property
    def places(self) -> list[Row]:
        names = {each.pk: each.name for each in self.endpoints}
        return [Row(names.get(pk, "–"), totals, self.url(endpoint=pk)) for pk, totals in self.found.by_endpoint.items()]

    @property
    def snapshots_url(self) -> str:
        return self.url(kind=Kind.SNAPSHOTS)

    @property
    def in_snapshots(self) -> int:
        return self.found.by_kind.get(Kind.SNAPSHOTS, Totals()).disk_mib

    # History

    @cached_property
    def trend(self) -> Trend | None:
        """Of the house: days are kept by endpoint, not by person."""
        return trend(self.asked, endpoint=self.form.wanted.endpoint) if self.of_house else None

    @property
    def trend_is_wider(self) -> bool:
        return any(name in self.kept for name in ("pool", "team"))

    @property
    def fewer(self) -> int | None:
        """Findings than at the end of last month; less than zero are more. Of the house as a whole only."""
        if self.trend is None or self.trend_is_wider:
            return None
        before = self.trend.before(self.now.date())
        return None if before is None else before - self.found.all.findings

    @property
    def more(self) -> int:
        return -(self.fewer or 0)

    @property
    def measures(self) -> Iterable[Any]:
        return MEASURES.values()

    @property
    def periods(self) -> Mapping[str, str | Promise]:
        return PERIODS

    @property
    def as_table(self) -> bool:
        return self.asked.get("show") == "table"

    @property
    def chips(self) -> list[Any]:
        return list(chips_of(self.form, self.asked))

    def url(self, **more: Any) -> str:
        """The findings behind a number."""
        return reverse("findings", query=self.kept | {name: value for name, value in more.items() if value})

    @property
    def all_url(self) -> str:
        return self.url()

    @property
    def savings_url(self) -> str:
        return self.url(sort="savings")

    @property
    def machines_url(self) -> str:
        return self._machines()

    @property
    def held_url(self) -> str:
        return self._machines(held="yes")

    @property
    def managed_url(self) -> str:
        return self._machines(held="managed")

    def _machines(self, **more: str) -> str:
        query = self.kept | more
        return reverse("machines", query=query) if query else reverse("machines")
