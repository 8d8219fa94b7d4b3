"""What the order page shows for what was chosen so far. What is missing or not offered falls back to what is usual."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from lifecycle import clock
from lifecycle.catalog.models import Blueprint, Size
from lifecycle.catalog.queries import offered, takes_seed
from lifecycle.errors import Invalid
from lifecycle.leases.actions import end_of, last_day_within
from lifecycle.leases.models import Lease
from lifecycle.leases.queries import Segment
from lifecycle.money.quotes import Quote, monthly_cents_of, quote
from lifecycle.people.models import CostCentre, User
from lifecycle.people.queries import approver_for, payer_for
from lifecycle.requests.checks import check_last_day
from portal.web.bars import lease_segments
from portal.web.forms.days import DayField, months_on, today
from portal.web.forms.orders import MINE, TEAM


@dataclass(frozen=True)
class Offer:
    """A size and what a month of it costs."""

    size: Size
    cents: int | None


@dataclass(frozen=True)
class Preset:
    """An end that one press chooses."""

    key: str
    label: str
    day: dt.date


@dataclass
class Draft:
    by: User
    chosen: Mapping[str, str]
    changed: str = ""
    """Which part of the page was changed last: another blueprint may move the day, another day never does."""
    now: dt.datetime = field(default_factory=clock.now)

    @cached_property
    def blueprints(self) -> list[Blueprint]:
        """Those that come in some size: of the others there is nothing to choose."""
        return [blueprint for blueprint in offered() if blueprint.sizes.all()]

    @cached_property
    def blueprint(self) -> Blueprint:
        wanted = self.chosen.get("blueprint")
        return next((one for one in self.blueprints if str(one.pk) == wanted), self.blueprints[0])

    @cached_property
    def offers(self) -> list[Offer]:
        sizes = list(self.blueprint.sizes.all())
        try:
            cents = monthly_cents_of(sizes)
        except Invalid:
            cents = {}
        return [Offer(size, cents.get(size.pk)) for size in sizes]

    @cached_property
    def size(self) -> Size:
        """The second smallest unless another one was chosen."""
        sizes = [offer.size for offer in self.offers]
        wanted = self.chosen.get("size")
        return next((one for one in sizes if str(one.pk) == wanted), sizes[min(1, len(sizes) - 1)])

    @cached_property
    def longest(self) -> dt.date:
        return last_day_within(self.now + dt.timedelta(days=self.blueprint.max_days), self.now.astimezone(self.by.tz))

    @cached_property
    def usual(self) -> dt.date:
        return min(today() + dt.timedelta(days=self.blueprint.default_days), self.longest)

    @cached_property
    def presets(self) -> list[Preset]:
        some = [(months, months_on(today(), months)) for months in (1, 3)]
        presets = [
            Preset(f"{months}m", ngettext("%(n)s month", "%(n)s months", months) % {"n": months}, day)
            for months, day in some
            if day < self.longest
        ]
        days = ngettext("%(n)s day, the longest", "%(n)s days, the longest", self.blueprint.max_days)
        return [*presets, Preset("longest", days % {"n": self.blueprint.max_days}, self.longest)]

    @cached_property
    def last_day(self) -> dt.date | None:
        """None when what was typed is no date."""
        for preset in self.presets:
            if preset.key == self.chosen.get("preset"):
                return preset.day
        try:
            day = DayField(required=False).clean(self.chosen.get("last_day", ""))
        except ValidationError:
            return None
        if day and self.changed == "blueprint" and self._problem_of(day):
            return self.usual
        return day or self.usual

    @property
    def day_moved(self) -> bool:
        """The day is no longer the one that was sent."""
        return self.last_day is not None and str(self.last_day) != self.chosen.get("last_day")

    @cached_property
    def day_problem(self) -> str:
        return self._problem_of(self.last_day) if self.last_day else _("Not a date.")

    def _problem_of(self, day: dt.date) -> str:
        return check_last_day(self.blueprint, end_of(day, self.by.tz), now=self.now)

    @property
    def ends_at(self) -> dt.datetime | None:
        return end_of(self.last_day, self.by.tz) if self.last_day and not self.day_problem else None

    @cached_property
    def quote(self) -> Quote | None:
        if self.ends_at is None:
            return None
        size = self.size
        try:
            return quote(
                vcpus=size.vcpus, memory_mib=size.memory_mib, disk_mib=size.disk_mib,
                starts_at=self.now, ends_at=self.ends_at,
            )  # fmt: skip
        except Invalid:
            return None

    @property
    def cents_per_month(self) -> int | None:
        """Known without an end."""
        return next((offer.cents for offer in self.offers if offer.size == self.size), None)

    @property
    def segments(self) -> list[Segment]:
        """How the lease would run if it were handed over now."""
        if self.ends_at is None:
            return []
        terms = self.blueprint
        lease = Lease(started_at=self.now, ends_at=self.ends_at, grace_days=terms.grace_days, warn_days=terms.warn_days)
        return lease_segments(lease, now=self.now)

    @property
    def for_team(self) -> bool:
        return self.by.team is not None and self.chosen.get("holder") == TEAM

    @property
    def holder(self) -> str:
        return TEAM if self.for_team else MINE

    @property
    def payer(self) -> CostCentre | None:
        return payer_for(self.by, self.by.team if self.for_team else None)

    @cached_property
    def approver(self) -> User | None:
        return approver_for(self.by)

    @property
    def needs_decision(self) -> bool:
        return self.blueprint.approval != Blueprint.Approval.NONE

    @cached_property
    def seeded(self) -> bool:
        """The machine can be told something at its first start."""
        return takes_seed(self.blueprint)

    @property
    def seed_changed(self) -> bool:
        """It is not as on the page that asks."""
        return self.seeded != bool(self.chosen.get("seeded"))

    @property
    def user_data_is_gone(self) -> bool:
        """It was sent, and is not sent back."""
        return bool(self.chosen.get("user_data"))

    @property
    def initial(self) -> dict[str, object]:
        """For the form: what was typed stays as it was."""
        return {
            "blueprint": self.blueprint.pk,
            "size": self.size.pk,
            "last_day": self.last_day or self.chosen.get("last_day"),
            "holder": self.holder,
            "name": self.chosen.get("name", ""),
            "purpose": self.chosen.get("purpose", ""),
            "hostname": self.chosen.get("hostname", ""),
            "more_keys": self.chosen.get("more_keys", ""),
            **self._keys_chosen(),
        }

    def _keys_chosen(self) -> dict[str, object]:
        """As they were ticked where they could be; all of one's own otherwise."""
        ticked = isinstance(self.chosen, QueryDict) and "seeded" in self.chosen
        return {"ssh_keys": self.chosen.getlist("ssh_keys")} if ticked else {}  # type: ignore[attr-defined]
