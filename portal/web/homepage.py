"""Everything the home page shows, gathered once."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db.models import Q
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from lifecycle.estate.models import LIVE, Machine
from lifecycle.money import calendar
from lifecycle.money.queries import daily_cents, lines_of, months_of
from lifecycle.operations.models import Operation
from lifecycle.people.models import User
from lifecycle.people.permissions import RUN_HOUSE, may
from lifecycle.people.roles import Right, has
from lifecycle.requests.models import Request
from lifecycle.requests.queries import RELATED, inbox
from portal.templatetags.figures import money
from portal.web.charts import BarChart, Point
from portal.web.progress import Work
from portal.web.rows import Row, rows_of

MOST = 12
"""Machines on the page; the list has them all."""
MOST_WAITING = 5


class HomePage:
    def __init__(self, user: User, *, now: dt.datetime) -> None:
        self.user = user
        self.now = now

    @cached_property
    def rows(self) -> list[Row]:
        """Held by the reader or their team, next date first."""
        held = Q(holder=self.user)
        if self.user.team_id:
            held |= Q(team=self.user.team_id)
        mine = Machine.objects.filter(held, stage__in=LIVE).select_related("lease", "request", "holder", "team")
        return rows_of(mine.order_by("next_at", "pk")[: MOST + 1], now=self.now)

    @property
    def shown(self) -> list[Row]:
        return self.rows[:MOST]

    @property
    def has_more(self) -> bool:
        return len(self.rows) > MOST

    @property
    def expiring(self) -> list[Row]:
        return self._waiting_in("expiring")

    @property
    def stopped(self) -> list[Row]:
        return self._waiting_in("quarantined")

    def _waiting_in(self, stage: str) -> list[Row]:
        """Nothing needs somebody who may change nothing."""
        acts = has(self.user, Right.ACT)
        return [row for row in self.rows if acts and row.stage == stage and not row.on_hold]

    @cached_property
    def decisions(self) -> list[Request]:
        if not (has(self.user, Right.ACT) and (self.user.decides or may(self.user, RUN_HOUSE))):
            return []
        return list(inbox(self.user)[:MOST_WAITING])

    @property
    def needs(self) -> int:
        return len(self.expiring) + len(self.stopped) + len(self.decisions)

    @cached_property
    def under_way(self) -> list[tuple[Request, Work | None]]:
        """The reader's own open requests, with the work on those that are being built."""
        asked = Request.objects.filter(requester=self.user, state__in=Request.OPEN)
        rows = list(asked.select_related(*RELATED).prefetch_related("steps__approver").order_by("-created_at")[:5])
        making = Operation.objects.filter(machine__in=[row.machine_id for row in rows], kind=Operation.Kind.CREATE)
        work: dict[int | None, Work] = {
            operation.machine_id: Work(operation) for operation in making.select_related("endpoint")
        }
        return [(row, work.get(row.machine_id)) for row in rows]

    @cached_property
    def month(self) -> dt.date:
        return calendar.month_of(self.now)

    @cached_property
    def days(self) -> list[tuple[dt.date, int]]:
        return daily_cents(lines_of(self.user, viewer=self.user), self.month)

    @property
    def cents_so_far(self) -> int:
        return sum(cents for _day, cents in self.days)

    @cached_property
    def cents_last_month(self) -> int:
        before = calendar.previous_month(self.month)
        return dict(months_of(lines_of(self.user, viewer=self.user))).get(before, 0)

    @property
    def last_month(self) -> dt.date:
        return calendar.previous_month(self.month)

    @property
    def chart(self) -> BarChart:
        points = [Point(date_format(day, _("j F")), cents / 100, short=str(day.day)) for day, cents in self.days]
        return BarChart(
            title=_("Each day"),
            subtitle=_("in %(currency)s") % {"currency": settings.CURRENCY},
            points=points,
            head=_("Day"),
            finding=_("%(cents)s so far in %(month)s") % {
                "cents": money(self.cents_so_far), "month": date_format(self.month, "F")
            },
            say=lambda value: money(round(value * 100)),
            say_axis=lambda value: money(round(value * 100)).removesuffix(".00"),
        )  # fmt: skip
