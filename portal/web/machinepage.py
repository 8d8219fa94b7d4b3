"""Everything one machine's page shows, gathered once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.errors import Invalid
from lifecycle.estate.models import ENDED, Disk, Endpoint, Machine, Meter, Power, Stage
from lifecycle.estate.permissions import MANAGE, OPERATE
from lifecycle.estate.queries import visible_machine
from lifecycle.estate.shares import Share, shares_of
from lifecycle.estate.usage.reading import past
from lifecycle.leases.models import Lease
from lifecycle.leases.permissions import ASSIGN_HOLDER, HOLD
from lifecycle.leases.queries import Segment, shown_stage
from lifecycle.money.queries import Spent, spent
from lifecycle.money.quotes import quote
from lifecycle.money.rates import PriceList
from lifecycle.operations.models import Operation
from lifecycle.people.models import User
from lifecycle.people.permissions import may
from lifecycle.requests.queries import told_operations
from lifecycle.sprawl.models import Finding
from lifecycle.sprawl.queries import open_findings_of
from portal.web.bars import lease_segments
from portal.web.findingwords import CONFIDENCES, KINDS, Look
from portal.web.histories import Told, history
from portal.web.progress import Work, hour, silent_since
from portal.web.rows import prices_of
from portal.web.seedwords import FirstStart
from portal.web.usage import Use

OWN = ("holder", "cost_centre", "lease", "request")
PLACE = ("endpoint", "pool", "host", "image")


def visible(user: User, pk: int) -> Machine:
    """The machine with what belongs to it. Raises Machine.DoesNotExist to those it does not show.

    Asked twice with four joins each: PostgreSQL plans eight at once for longer than it takes to answer both.
    """
    machine = visible_machine(user, pk, beside=OWN)
    placed = Machine.objects.select_related(*PLACE).only(*PLACE).get(pk=pk)
    for name in PLACE:
        setattr(machine, name, getattr(placed, name))
    return machine


class MachinePage:
    def __init__(self, machine: Machine, by: User) -> None:
        self.machine = machine
        self.by = by
        self.now: dt.datetime = clock.now()

    @cached_property
    def lease(self) -> Lease | None:
        return getattr(self.machine, "lease", None)

    @cached_property
    def request(self) -> Any:
        return getattr(self.machine, "request", None)

    @cached_property
    def told(self) -> FirstStart | None:
        return FirstStart(self.request) if self.request else None

    @property
    def stage(self) -> str:
        return shown_stage(self.machine, now=self.now)

    @property
    def exists(self) -> bool:
        """Still there, or to be: of what was removed only history and costs are shown."""
        return self.machine.stage not in ENDED

    @property
    def on_hold(self) -> bool:
        return bool(self.lease and self.lease.held_at)

    @property
    def segments(self) -> list[Segment]:
        return lease_segments(self.lease, now=self.now) if self.lease else []

    @property
    def days(self) -> tuple[int, int] | None:
        """How many days were used, and how many there are at most."""
        if self.lease is None:
            return None
        until = min(self.now, self.lease.stopped_at or self.now)
        return (until - self.lease.started_at).days, (self.lease.latest_end - self.lease.started_at).days

    @property
    def next_reminder(self) -> dt.datetime | None:
        reminder = self.lease.next_warning_at if self.lease else None
        return reminder if reminder and self.now < reminder < self.lease.ends_at else None  # type: ignore[union-attr]

    @cached_property
    def operations(self) -> dict[int, str]:
        """Id -> state, oldest first. Writing the holder onto the machine is nothing to wait for, and no history."""
        return dict(told_operations(self.machine).order_by("pk").values_list("pk", "state"))

    @cached_property
    def work(self) -> Work | None:
        """What is under way."""
        first = next((pk for pk, state in self.operations.items() if state in Operation.OPEN), None)
        return Work(Operation.objects.select_related("endpoint").get(pk=first)) if first else None

    @property
    def mark(self) -> str:
        """Changes when a reader should hear of it."""
        return self.work.mark if self.work else f"{self.machine.stage}-{self.machine.power}"

    @cached_property
    def operates(self) -> bool:
        return may(self.by, OPERATE, self.machine)

    @cached_property
    def manages(self) -> bool:
        return may(self.by, MANAGE, self.machine)

    @property
    def powers(self) -> list[str]:
        """What can be asked of its power now."""
        if not self.operates or self.machine.stage != Stage.ACTIVE or self.work or self.machine.missing_since:
            return []
        return {Power.ON: ["shut_down", "restart"], Power.OFF: ["start"]}.get(
            Power(self.machine.power), ["start", "shut_down"]
        )

    @property
    def can_extend(self) -> bool:
        return self.manages and self.machine.stage in (Stage.ACTIVE, Stage.EXPIRED)

    @property
    def can_give_back(self) -> bool:
        return self.manages and self.machine.stage == Stage.ACTIVE

    @property
    def can_restore(self) -> bool:
        return self.manages and self.machine.stage in (Stage.EXPIRED, Stage.QUARANTINED)

    @cached_property
    def shares(self) -> list[Share]:
        return shares_of(self.machine)

    @property
    def can_share(self) -> bool:
        return self.manages and self.machine.stage not in ENDED and bool(self.machine.holder_name)

    @property
    def can_hold(self) -> bool:
        return bool(self.lease and self.lease.ended_at is None and may(self.by, HOLD))

    @property
    def can_take_back(self) -> bool:
        """Its holder was given to it here, not by ordering it; whether it is still so fresh is said on asking."""
        ordered = getattr(self.machine, "request", None) is not None
        return self.machine.stage == Stage.ACTIVE and not ordered and may(self.by, ASSIGN_HOLDER)

    @cached_property
    def disks(self) -> list[Mapping[str, object]]:
        return list(Disk.objects.filter(machine=self.machine).values("name", "size_mib", "datastore__name"))

    @cached_property
    def use(self) -> Use:
        return Use(self.machine, past(self.machine, now=self.now))

    @cached_property
    def findings(self) -> list[tuple[Finding, Look, str]]:
        """What should not be so with it, each with its words and how sure we are."""
        found = open_findings_of(self.machine).order_by("-counts", "-saves_cents", "id")
        return [(one, KINDS[one.kind], CONFIDENCES[one.confidence]) for one in found]

    @property
    def silent_since(self) -> str:
        since = silent_since(self.machine.endpoint)
        return hour(since) if since else ""

    @property
    def only_watched(self) -> bool:
        return self.machine.endpoint.mode == Endpoint.Mode.OBSERVE

    @cached_property
    def prices(self) -> PriceList:
        return PriceList.load()

    @cached_property
    def cents_per_month(self) -> int | None:
        return prices_of([self.machine], prices=self.prices).get(self.machine.pk)

    @cached_property
    def spent(self) -> Spent:
        return spent(self.machine, now=self.now, prices=self.prices)

    @cached_property
    def cents_until_end(self) -> int | None:
        """What it still costs until its end, and so what giving it back now saves."""
        if self.lease is None or self.lease.ends_at <= self.now or self.machine.stage != Stage.ACTIVE:
            return None
        size = self.machine
        try:
            lines = quote(
                vcpus=size.vcpus, memory_mib=size.memory_mib, disk_mib=size.disk_mib,
                starts_at=self.now, ends_at=self.lease.ends_at, prices=self.prices,
            ).lines  # fmt: skip
        except Invalid:
            return None
        runs = self.machine.power == Power.ON
        return sum(line.cents_until_end for line in lines if runs or line.meter == Meter.DISK)

    @cached_property
    def history(self) -> list[Told]:
        return history(self.machine, operations=self.operations)

    @property
    def holder_words(self) -> str:
        if self.machine.holder_id == self.by.pk:
            return _("you")
        return self.machine.holder_name
