"""An estate of 100,000 machines, 5,000 people and 200 teams: the same one every time, in well under a minute.

People and machines are made here, by dice that always fall alike; all that hangs on a machine follows in `derived.py`.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from django.contrib.auth.models import Permission
from django.core.management import call_command

from lifecycle.estate.models import FAR
from lifecycle.models import (
    Blueprint,
    CostCentre,
    Datastore,
    Endpoint,
    Image,
    Machine,
    MachineUserPermission,
    Notice,
    Pool,
    Power,
    Size,
    Stage,
    Team,
    User,
)
from tests.benchmarks import derived, sprawling
from tests.lifecycle.factories import make_rate_card

GIB = 1024
REPORTS = 12
SERVICES = (
    "web", "api", "db", "cache", "queue", "search", "mail", "build", "runner", "etl", "spark", "kafka",
    "grafana", "prom", "ldap", "proxy", "dns", "ntp", "vault", "jupyter", "airflow", "minio", "redis", "mongo",
    "sap", "erp", "crm", "wiki", "chat", "git",
)  # fmt: skip
USES = ("prod", "stage", "test", "dev", "demo")
PURPOSES = (
    "Nightly scoring of the churn model", "Serves the checkout of the shop", "Load tests before the autumn release",
    "Keeps the invoices of the last ten years", "A student's thesis on forecasts", "Rehearsal of the migration",
    "Training room for new colleagues", "Reproduces a fault that a customer reported",
)  # fmt: skip
FIRST = (
    "Lena", "Piotr", "Somto", "Mara", "Jonas", "Celina", "Hanna", "Remy", "Aylin", "Dieter", "Timo", "Karin",
    "Arne", "Elsa", "Nora", "Ozan", "Marek", "Birte",
)  # fmt: skip
LAST = (
    "Brandt", "Okafor", "Fischer", "Petersen", "Nowak", "Lindberg", "Dubois", "Kaya", "Vogel", "Novak", "Ruiz",
    "Hansen", "Jansen", "Winkler",
)  # fmt: skip
STAGES = {Stage.ACTIVE: 92, Stage.DISCOVERED: 3, Stage.QUARANTINED: 3, Stage.EXPIRED: 1, Stage.BUILDING: 1}
PLACES = 4
"""Endpoints, each with one pool, datastore, image and blueprint of the same id."""
SIZES = ((2, 4, 40), (4, 16, 60), (8, 32, 60), (16, 64, 80))


@dataclass(frozen=True)
class Extent:
    machines: int = 100_000
    people: int = 5_000
    teams: int = 200
    grants: int = 50_000

    @property
    def removed(self) -> int:
        """Machines that are no more, beyond the others."""
        return self.machines // 33


@dataclass(frozen=True)
class Cast:
    """Whose eyes the pages are measured with: who sees everything, who about 700 machines, who more than 6,000."""

    admin: User
    typical: User
    heavy: User


def seed(extent: Extent) -> None:
    """Fills a database that has nothing, not even tables."""
    call_command("migrate", verbosity=0)
    dice, now = random.Random(7), datetime.now(UTC).replace(microsecond=0)
    with derived.unchecked():
        people = _people(extent)
        _catalogue()
        fates = _fates(extent, dice)
        rows = (_machine(number, fate, dice, now) for number, fate in enumerate(fates))
        while batch := list(islice(rows, 5_000)):
            Machine.objects.bulk_create(batch)
        derived.fill(now)
        sprawling.fill(now)
        _grants(people, extent, dice)
    derived.restart_ids(CostCentre, Team, User, Endpoint, Pool, Datastore, Image, Blueprint, Size, Machine)
    derived.settle()


def cast() -> Cast:
    by_name = {user.username: user for user in User.objects.filter(username__in=("admin", "typical", "heavy"))}
    return Cast(**by_name)


def _people(extent: Extent) -> list[User]:
    """A tree: each supervises twelve. The first is the heavy one, the last the typical, neither in a team of others."""
    centres = CostCentre.objects.bulk_create(
        CostCentre(id=number + 1, code=f"{4000 + number}", name=f"Centre {number}") for number in range(extent.teams)
    )
    teams = Team.objects.bulk_create(
        Team(id=number + 1, name=f"Team {number}", cost_centre=centre) for number, centre in enumerate(centres)
    )
    people = [
        User(
            id=number + 1,
            username="heavy" if not number else "typical" if number == extent.people - 1 else f"person{number}",
            first_name=FIRST[number % len(FIRST)],
            last_name=LAST[number % len(LAST)],
            email=f"person{number}@example.org",
            password="!",
            team=teams[1] if number == extent.people - 1 else teams[number % extent.teams],
            cost_centre=centres[number % extent.teams],
            supervisor_id=(number - 1) // REPORTS + 1 if number else None,
        )
        for number in range(extent.people)
    ]
    User.objects.bulk_create(people, batch_size=1_000)
    admin = {"username": "admin", "role": User.Role.ADMIN, "password": "!", "cost_centre": centres[0]}
    User.objects.bulk_create([User(id=extent.people + 1, **admin)])
    Notice.objects.bulk_create(
        Notice(recipient_id=person.pk, kind="bench", key=f"bench:{person.pk}", subject="A notice", at=derived.BEGINNING)
        for person in people
    )
    return people


def _catalogue() -> None:
    sizes = Size.objects.bulk_create(
        Size(id=number + 1, name=f"{vcpus} vCPU", vcpus=vcpus, memory_mib=memory * GIB, disk_mib=disk * GIB)
        for number, (vcpus, memory, disk) in enumerate(SIZES)
    )
    for pk in range(1, PLACES + 1):
        endpoint = Endpoint.objects.create(
            id=pk,
            name=f"Data centre {pk}",
            kind="simulated",
            mode=Endpoint.Mode.MANAGE,
            scanned_at=datetime.now(UTC),
            scans=1,
        )
        pool = Pool.objects.create(id=pk, endpoint=endpoint, ref="pool", name="General")
        Datastore.objects.create(id=pk, endpoint=endpoint, ref="ssd", name="ssd")
        image = Image.objects.create(id=pk, endpoint=endpoint, ref="debian", name="Debian 12", disk_mib=8 * GIB)
        blueprint = Blueprint.objects.create(
            id=pk, name=f"Debian 12 in {endpoint}", image=image, pool=pool, default_days=30, max_days=365, grace_days=14
        )
        blueprint.sizes.set(sizes)
    make_rate_card("2025")


@dataclass(frozen=True)
class Fate:
    """Who holds a machine, and how it stands."""

    stage: Stage
    holder: int | None = None
    team: int | None = None


def _fates(extent: Extent, dice: random.Random) -> list[Fate]:
    """3 in 10 are a team's. The heavy one's team holds 5 % of all, the typical one's 0.7 %."""
    stages = dice.choices(list(STAGES), list(STAGES.values()), k=extent.machines)
    holders: list[tuple[int | None, int | None]] = [(None, 1)] * (extent.machines // 20)
    holders += [(None, 2)] * (extent.machines * 7 // 1000)
    holders += [(1, None)] * 50 + [(extent.people, None)] * 20
    while len(holders) < extent.machines:
        by_team = dice.random() < 0.25
        holders.append((None, dice.randint(3, extent.teams)) if by_team else (dice.randint(1, extent.people), None))
    dice.shuffle(holders)
    fates = [
        Fate(stage) if stage == Stage.DISCOVERED else Fate(stage, holder, team)
        for stage, (holder, team) in zip(stages, holders, strict=True)
    ]
    return fates + [Fate(Stage.REMOVED, dice.randint(1, extent.people))] * extent.removed


def _machine(number: int, fate: Fate, dice: random.Random, now: datetime) -> Machine:
    vcpus, memory, disk = dice.choice(SIZES)
    name = f"{dice.choice(SERVICES)}-{dice.choice(USES)}-{number:06}"
    dated = fate.stage in (Stage.ACTIVE, Stage.QUARANTINED, Stage.EXPIRED)
    place = number % PLACES + 1
    soonest, latest = (3600, 13 * 86400) if fate.stage == Stage.QUARANTINED else (86400, 330 * 86400)
    return Machine(
        id=number + 1, endpoint_id=place, pool_id=place, image_id=place,
        native_ref="" if fate.stage == Stage.BUILDING else f"vm-{number}",
        uuid=uuid.UUID(int=dice.getrandbits(128), version=4),
        name=name,
        stage=fate.stage,
        power=dice.choices([Power.ON, Power.OFF], [9, 1])[0] if fate.stage == Stage.ACTIVE else Power.OFF,
        power_at=now, seen_at=now, first_seen_at=now, scans_before=0,
        holder_id=fate.holder, team_id=fate.team,
        cost_centre_id=place if fate.holder or fate.team else None,
        purpose=f"{dice.choice(PURPOSES)}, part {number}" if fate.holder or fate.team else "",
        next_at=now + timedelta(seconds=dice.randint(soonest, latest)) if dated else FAR,
        vcpus=vcpus, memory_mib=memory * GIB, disk_mib=disk * GIB,
        addresses=[f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"],
        guest_name=f"{name}.corp.example.org",
        created_at=now - timedelta(seconds=dice.randint(30 * 86400, 400 * 86400)),
    )  # fmt: skip


def _grants(people: list[User], extent: Extent, dice: random.Random) -> None:
    """Shares with single people: 1 % of all machines with the heavy one."""
    view = Permission.objects.get(content_type__app_label="lifecycle", codename="view_machine")
    shared = [(1, machine) for machine in range(1, extent.machines, 100)]
    while len(shared) < extent.grants:
        shared.append((dice.randint(2, len(people)), dice.randint(1, extent.machines)))
    rows = (
        MachineUserPermission(user_id=user, content_object_id=machine, permission=view)
        for user, machine in sorted(set(shared))
    )
    while batch := list(islice(rows, 5_000)):
        MachineUserPermission.objects.bulk_create(batch)
