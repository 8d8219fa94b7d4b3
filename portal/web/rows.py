"""Machines as rows of a list: with their shown stage, next date, price and lease, in a fixed number of queries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lifecycle.errors import Invalid
from lifecycle.estate.models import FAR, Machine, Stage
from lifecycle.leases.models import Lease
from lifecycle.leases.queries import Segment, shown_stage
from lifecycle.money.quotes import monthly_cents_of
from lifecycle.money.rates import PriceList
from portal.web.bars import row_segments

NEXT: dict[str, str | Promise] = {
    "active": _("Stops"),
    "expiring": _("Stops"),
    "expired": _("Ended"),
    "quarantined": _("Removed"),
    "removing": _("Removed"),
}
"""What happens at a machine's next date."""


@dataclass(frozen=True)
class Row:
    machine: Machine
    stage: str
    cents: int | None
    now: dt.datetime

    @property
    def segments(self) -> list[Segment]:
        """For the bar, which only some lists draw."""
        return row_segments(self.machine, now=self.now)

    @property
    def lease(self) -> Lease | None:
        return getattr(self.machine, "lease", None)

    @property
    def on_hold(self) -> bool:
        return bool(self.lease and self.lease.held_at)

    @property
    def next_at(self) -> dt.datetime | None:
        """None while nothing is planned."""
        return None if self.on_hold or self.machine.next_at == FAR else self.machine.next_at

    @property
    def overdue(self) -> bool:
        """Its end has passed and it still runs: a holder who was not warned is warned first."""
        return self.machine.stage == Stage.ACTIVE and self.next_at is not None and self.next_at <= self.now

    @property
    def next_word(self) -> str | Promise:
        return _("Due") if self.overdue else NEXT.get(self.stage, "")


def rows_of(machines: Iterable[Machine], *, now: dt.datetime) -> list[Row]:
    """`machines` come with their `lease` joined, for bars also with their `request`; one query more for the prices."""
    machines = list(machines)
    prices = prices_of(machines)
    return [Row(machine, shown_stage(machine, now=now), prices.get(machine.pk), now) for machine in machines]


def prices_of(machines: list[Machine], *, prices: PriceList | None = None) -> dict[int, int]:
    try:
        return monthly_cents_of(machines, prices=prices)
    except Invalid:  # a card without all meters promises nothing
        return {}
