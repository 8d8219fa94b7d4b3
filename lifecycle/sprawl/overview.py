"""The overview's numbers: what stands open by kind, team, age and endpoint, and how that went on day by day."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

from django.core.cache import cache
from django.db.models import Case, CharField, Count, Max, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce, TruncMonth

from lifecycle import clock
from lifecycle.audit.models import Entry
from lifecycle.estate.models import Machine, Stage
from lifecycle.estate.models.machines import LIVE, MachineQuerySet
from lifecycle.people.models import User
from lifecycle.people.roles import Right, has
from lifecycle.sprawl.models import Finding, WasteDay
from lifecycle.sprawl.reports import AGES, SUMS, Totals, Wanted, findings, within
from lifecycle.sprawl.subjects import MANAGED

TEAM = Coalesce("machine__team", "machine__holder__team")
ENDPOINT = Coalesce("machine__endpoint", "disk_file__datastore__endpoint", "image__endpoint")
DAYS, MONTHS = 90, 12
KEPT = timedelta(seconds=60)
SUMMED = ("findings", "saves_cents", "vcpus", "memory_mib", "disk_mib")


@dataclass(frozen=True, slots=True)
class Machines:
    """That exist and that one sees."""

    all: int
    held: int
    managed: int
    """By something else: never flagged."""


@dataclass
class Overview:
    """Of the findings that a person sees and the filters let through. Each breakdown adds up to `all`."""

    all: Totals
    by_kind: dict[str, Totals]
    by_age: dict[str, Totals]
    by_endpoint: dict[int, Totals]
    by_team: dict[int | None, Totals]
    """None: nobody's."""
    confidence: dict[str, int] = field(default_factory=dict)
    """Of each kind, the one that most of its findings have."""


@dataclass(frozen=True, slots=True)
class Waste:
    """What stood open at the end of a day, of one kind."""

    day: date
    kind: str
    findings: int
    saves_cents: int
    vcpus: int
    memory_mib: int
    disk_mib: int


@dataclass(frozen=True)
class Counted:
    at: datetime
    found: Overview
    machines: Machines


def counted(user: User, wanted: Wanted) -> Counted:
    """All of it, as it is now or was at most a minute ago: counting 100,000 machines costs more than a page may.

    Whatever people do is in the record, and what scans open has a new number; both count anew at once. So what is
    shown late is only what a scan ended or priced anew, and the page says when it was counted. One query, or four.
    """
    now = clock.now()
    if (stamp := _stamp()) is None:
        return Counted(now, overview(user, wanted, now=now), machines(user, wanted))
    whose = "house" if has(user, Right.SEE_ALL) else user.pk
    key = f"sprawl:{whose}:{stamp}:{sha256(repr(wanted).encode()).hexdigest()[:32]}"
    kept: Counted | None = cache.get(key)
    if kept is None or not now - KEPT <= kept.at <= now:
        kept = Counted(now, overview(user, wanted, now=now), machines(user, wanted))
        cache.set(key, kept, KEPT.total_seconds())
    return kept


def _stamp() -> str | None:
    """Changes with every act and every new finding. None where there is no finding, and little to count."""
    last = Subquery(Entry.objects.order_by("-pk").values("pk")[:1])
    newest = Finding.objects.order_by("-pk").values_list("pk", last).first()
    return "-".join(map(str, newest)) if newest else None


def overview(user: User, wanted: Wanted, *, now: datetime | None = None) -> Overview:
    """Two queries."""
    now = now or clock.now()
    found = findings(user, wanted, now=now)
    rows: Any = list(found.values("kind", "confidence", place=ENDPOINT, aged=_ages(now)).annotate(**SUMS))
    confidences: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for row in rows:
        confidences[row["kind"]][row["confidence"]] += row["findings"]
    return Overview(
        all=sum(map(_totals, rows), Totals()),
        by_kind=_by(rows, "kind"),
        by_age=_by(rows, "aged"),
        by_endpoint=_by(rows, "place"),
        by_team=_by(found.values(whose=TEAM).annotate(**SUMS), "whose"),
        confidence={kind: counter.most_common(1)[0][0] for kind, counter in confidences.items()},
    )


def machines(user: User, wanted: Wanted) -> Machines:
    """One query."""
    found = machines_of(Machine.objects.visible_to(user), wanted).filter(stage__in=LIVE)
    return Machines(
        **found.aggregate(
            all=Count("pk"), held=Count("pk", filter=~Q(stage=Stage.DISCOVERED)), managed=Count("pk", filter=MANAGED)
        )
    )


def machines_of(found: MachineQuerySet, wanted: Wanted) -> MachineQuerySet:
    """Those at the place and of the team that findings are asked for."""
    if wanted.endpoint:
        found = found.filter(endpoint=wanted.endpoint)
    if wanted.pool:
        found = found.filter(pool=wanted.pool)
    if wanted.nobody:
        return found.filter(Q(team=None) & (Q(holder=None) | Q(holder__team=None)))
    if wanted.team:
        return found.filter(Q(team=wanted.team) | Q(team=None, holder__team=wanted.team))
    return found


def by_day(*, endpoint: int | None = None, days: int = DAYS, today: date | None = None) -> list[Waste]:
    """Of the house, oldest first. Kept by endpoint, not by team or pool."""
    today = today or clock.now().date()
    return _waste(_kept(endpoint).filter(day__gt=today - timedelta(days=days), day__lte=today))


def by_month(*, endpoint: int | None = None, months: int = MONTHS, today: date | None = None) -> list[Waste]:
    """As the last known day of each month was. Two queries."""
    today = today or clock.now().date()
    since = (today.replace(day=1) - timedelta(days=31 * (months - 1))).replace(day=1)
    kept = _kept(endpoint).filter(day__gte=since, day__lte=today)
    last = kept.order_by().annotate(month=TruncMonth("day")).values("month").annotate(last=Max("day"))
    return _waste(kept.filter(day__in=[row["last"] for row in last]))


def _kept(endpoint: int | None) -> QuerySet[WasteDay]:
    return WasteDay.objects.filter(endpoint=endpoint) if endpoint else WasteDay.objects.all()


def _waste(kept: QuerySet[WasteDay]) -> list[Waste]:
    rows: Any = kept.order_by("day", "kind").values("day", "kind").annotate(**{name: Sum(name) for name in SUMMED})
    return [Waste(row["day"], row["kind"], *(int(row[name]) for name in SUMMED)) for row in rows]


def _ages(now: datetime) -> Case:
    return Case(
        *(When(Q(**within(age, now)), then=Value(age)) for age in AGES), default=Value("week"),
        output_field=CharField(),
    )  # fmt: skip


def _by(rows: Iterable[Mapping[str, Any]], name: str) -> dict[Any, Totals]:
    """Dearest first."""
    sums: defaultdict[Any, Totals] = defaultdict(Totals)
    for row in rows:
        sums[row[name]] += _totals(row)
    return dict(sorted(sums.items(), key=lambda pair: (-pair[1].saves_cents, -pair[1].findings, str(pair[0]))))


def _totals(row: Mapping[str, Any]) -> Totals:
    return Totals(**{name: int(row[name]) for name in SUMS})
