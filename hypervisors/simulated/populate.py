"""Fills a data centre with a lively estate: four years of machines, most of them needed. Same seed, same estate."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypervisors.simulated import nordhafen
from hypervisors.simulated.byhand import ByHand
from hypervisors.simulated.datacentre import DataCentre

GIB = 1024
HELD, ORPHAN, MANAGED = "held", "orphan", "managed"


@dataclass(frozen=True, slots=True)
class Resident:
    """A machine of the estate, with what only its people know."""

    name: str
    kind: str
    """`held`: somebody's, worth a lease; `orphan`: nobody's, with traces; `managed`: something else's."""
    team: str
    """Whose it is, or once was; empty when nobody knows."""
    created_by: str
    """User name as the hypervisor's events tell it; may be a service account."""
    created_at: datetime
    vcpus: int
    memory_mib: int
    disk_mib: int
    pool: str
    purpose: str = ""
    note: str = ""
    power: str = "on"
    profile: str = "office-hours"
    idle_from: datetime | None = None
    managed_by: str = ""
    deaf: bool = False
    folder: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    powered: tuple[str, datetime] | None = None
    snapshots: tuple[tuple[str, datetime], ...] = ()
    uuid: str = ""
    ref: str = ""
    pool_ref: str = ""


def fill(dc: DataCentre, *, machines: int = 300, seed: int = 7, now: datetime | None = None) -> list[Resident]:
    """Writes the estate of Nordhafen Werke into an empty data centre and returns its machines, known ones first."""
    now = (now or dc.now()).astimezone(UTC)
    dice = random.Random(seed)  # noqa: S311 - an estate, not a secret
    dc.set("seed", seed)
    residents = _residents(dice, machines, now)
    datastores, networks, pools = _ground(dc, residents)
    hosts = _hosts(dc, residents, pools)
    by_pool = defaultdict(list)
    for name, pool in nordhafen.DATASTORES.items():
        by_pool[pool].append(datastores[name])
    network_of = {team.name: networks[team.network] for team in nordhafen.TEAMS}
    hands = [
        _by_hand(
            resident,
            pool_ref=pools[resident.pool],
            host_ref=dice.choice(hosts[resident.pool]) if resident.power == "on" else "",
            datastore_ref=dice.choice(by_pool[resident.pool]),
            network_ref=network_of.get(resident.team, networks["mgmt"]),
        )
        for resident in residents
    ]
    refs = dc.make_machines_by_hand(hands)
    _images_and_leftovers(dc, datastores, now - timedelta(days=800))
    return [replace(who, ref=ref, pool_ref=pools[who.pool]) for who, ref in zip(residents, refs, strict=True)]


def _residents(dice: random.Random, count: int, now: datetime) -> list[Resident]:
    known = [_known(who, HELD, now) for who in nordhafen.HELD]
    known += [_managed(*facts, now=now) for facts in nordhafen.MANAGED]
    known += [_known(who, ORPHAN, now) for who in nordhafen.ORPHANS]
    taken = {who.name for who in known}
    crowd = _crowd(dice, taken, now)
    everybody = (known + [next(crowd) for _ in range(count - len(known))])[:count]
    uuids = {who.name: str(UUID(int=dice.getrandbits(128), version=4)) for who in everybody}
    copies = {name: uuids[traces.copy_of] for name, traces in nordhafen.TRACES.items() if traces.copy_of in uuids}
    return [_with_traces(replace(who, uuid=(uuids | copies)[who.name]), now) for who in everybody]


def _known(who: nordhafen.Known, kind: str, now: datetime) -> Resident:
    vcpus, memory, disk = who.size
    return Resident(
        name=who.name, kind=kind, team=who.team, created_by=who.by, created_at=_moment(now, who.age, len(who.name)),
        vcpus=vcpus, memory_mib=memory * GIB, disk_mib=disk * GIB, pool=who.pool, purpose=who.note, note=who.note,
        power=who.power, profile=who.profile, idle_from=now - timedelta(days=who.idle) if who.idle else None,
    )  # fmt: skip


def _with_traces(who: Resident, now: datetime) -> Resident:
    """What was left on it: as its story tells, or as chance has it, which is its own so that nobody else's changes."""
    chance = random.Random(f"{who.uuid}{who.name}")  # noqa: S311 - an estate, not a secret
    found = nordhafen.TRACES.get(who.name) or (
        _everyday_traces(chance, who) if who.kind == HELD else nordhafen.Traces()
    )
    powered = found.powered or ((who.created_by, chance.randrange(15, 85)) if who.power == "off" else None)
    too_large = who.kind == HELD and who.name not in nordhafen.TRACES and who.vcpus >= 8 and chance.random() < 0.3
    return replace(
        who, folder=found.folder, labels=found.labels, profile="light" if too_large else who.profile,
        powered=(powered[0], _after(who, now, powered[1])) if powered else None,
        snapshots=tuple((name, _after(who, now, age)) for name, age in found.snapshots),
    )  # fmt: skip


def _everyday_traces(chance: random.Random, who: Resident) -> nordhafen.Traces:
    """Most people file what they make; some write on it whose it is; a few forget a snapshot."""
    folder = f"Nordhafen/{who.team}" if chance.random() < 0.7 else ""
    labels = [("owner", who.created_by)] if chance.random() < 0.2 else []
    labels += [("team", who.team)] if chance.random() < 0.2 else []
    labels += [("backup-daily", "")] if chance.random() < 0.3 else []
    forgot = chance.random() < 0.05
    return nordhafen.Traces(
        folder, tuple(labels), snapshots=(("before update", chance.randrange(3, 120)),) if forgot else ()
    )


def _after(who: Resident, now: datetime, days_ago: int) -> datetime:
    """So long ago, but not before it was made."""
    return max(now - timedelta(days=days_ago), who.created_at + timedelta(hours=1))


def _managed(name: str, managed_by: str, size: tuple[int, int, int], *, now: datetime) -> Resident:
    vcpus, memory, disk = size
    return Resident(
        name=name, kind=MANAGED, team="", created_by="vpxd-extension", created_at=_moment(now, 700, len(name)),
        vcpus=vcpus, memory_mib=memory * GIB, disk_mib=disk * GIB, pool=nordhafen.GENERAL, profile="idle",
        managed_by=managed_by,
    )  # fmt: skip


def _crowd(dice: random.Random, taken: set[str], now: datetime) -> Iterator[Resident]:
    """Everyday machines, without end."""
    numbers: Counter[str] = Counter()
    while True:
        team = dice.choice(nordhafen.TEAMS)
        pattern = dice.choice(team.names)
        numbers[pattern] += 1
        name = pattern.format(numbers[pattern])
        if name not in taken:
            yield _everyday(dice, team, name, now)


def _everyday(dice: random.Random, team: nordhafen.Team, name: str, now: datetime) -> Resident:
    vcpus, memory, disk = nordhafen.SIZES[dice.choices(["S", "M", "L", "XL", "M128"], [38, 34, 19, 7, 2])[0]]
    age = int(3 + 1457 * dice.random() ** 2)  # most machines are young
    purpose = dice.choice(team.purposes)
    idle = dice.random() < 0.1
    return Resident(
        name=name, kind=HELD, team=team.name, created_by=dice.choice(team.people),
        created_at=_moment(now, age, dice.randrange(600)), vcpus=vcpus, memory_mib=memory * GIB,
        disk_mib=(disk + dice.choice([0, 0, 0, 100, 250])) * GIB, pool=dice.choice(team.pools), purpose=purpose,
        note=purpose if dice.random() < 0.3 else "", power="off" if dice.random() < 0.08 else "on",
        profile=dice.choices(["busy", "office-hours", "nightly", "spiky"], [20, 45, 15, 20])[0],
        idle_from=now - timedelta(days=dice.randrange(15, 200)) if idle else None, deaf=dice.random() < 0.02,
    )  # fmt: skip


def _moment(now: datetime, days_ago: int, minutes: int) -> datetime:
    """In working hours of that day; never after `now`."""
    day = (now - timedelta(days=max(days_ago, 1))).replace(hour=7, minute=30, second=0, microsecond=0)
    return day + timedelta(minutes=minutes, seconds=minutes * 37 % 60)


def _ground(dc: DataCentre, residents: list[Resident]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Datastores with room, networks and pools: name -> reference each."""
    disk: Counter[str] = Counter()
    for who in residents:
        disk[who.pool] += who.disk_mib
    shares = Counter(nordhafen.DATASTORES.values())
    datastores = {
        name: dc.add_datastore(
            name,
            capacity_mib=_round_up(disk[pool] / shares[pool] * 1.9 + 4096 * GIB, 1024 * GIB),
            identity=f"nordhafen/{name}",
        )
        for name, pool in nordhafen.DATASTORES.items()
    }
    networks = {name: dc.add_network(name) for name in sorted({team.network for team in nordhafen.TEAMS})}
    first = {pool: name for name, pool in reversed(nordhafen.DATASTORES.items())}
    default = {nordhafen.LAB: "lab", nordhafen.PRODUCTION: "shop-stage", nordhafen.GENERAL: "dp-internal"}
    pools = {
        pool: dc.add_pool(pool, datastore_ref=datastores[first[pool]], network_ref=networks[default[pool]])
        for pool in nordhafen.POOLS
    }
    return datastores, networks, pools


def _hosts(dc: DataCentre, residents: list[Resident], pools: dict[str, str]) -> dict[str, list[str]]:
    """As large as it takes for each pool to be about as full as the company's."""
    hosts = {}
    for pool, (prefix, count, full) in nordhafen.POOLS.items():
        used = sum(who.memory_mib for who in residents if who.pool == pool and who.power == "on")
        memory = max(_round_up(used / full / count, 32 * GIB), 128 * GIB)
        hosts[pool] = [
            dc.add_host(f"{prefix}-{number:02}", pool_ref=pools[pool], cpus=64, memory_mib=memory)
            for number in range(1, count + 1)
        ]
    return hosts


def _by_hand(who: Resident, *, pool_ref: str, host_ref: str, datastore_ref: str, network_ref: str) -> ByHand:
    system = min(who.disk_mib, 80 * GIB)
    return ByHand(
        name=who.name, uuid=who.uuid, created_by=who.created_by, created_at=who.created_at, note=who.note,
        managed_by=who.managed_by, vcpus=who.vcpus, memory_mib=who.memory_mib, power=who.power, deaf=who.deaf,
        disks_mib=(system, who.disk_mib - system) if who.disk_mib > system else (system,), profile=who.profile,
        idle_from=who.idle_from, guest_name=f"{who.name.lower().replace(' ', '-')}.nh.example", pool_ref=pool_ref,
        host_ref=host_ref, datastore_ref=datastore_ref, network_ref=network_ref, folder=who.folder,
        labels=dict(who.labels), powered=who.powered, snapshots=who.snapshots,
    )  # fmt: skip


def _images_and_leftovers(dc: DataCentre, datastores: dict[str, str], made: datetime) -> None:
    ssd, hdd = datastores["ssd-ham-1"], datastores["hdd-ham-1"]
    dc.make_machines_by_hand(
        ByHand(
            name=name, disks_mib=(size * GIB,), datastore_ref=ssd, power="off", is_template=True, created_at=made,
            created_by="administrator", vcpus=2, memory_mib=4 * GIB,
        )
        for name, size in nordhafen.IMAGES.items()
    )  # fmt: skip
    for number, (path, size) in enumerate(nordhafen.LOOSE_DISKS):
        changed_at = made + timedelta(days=40 * number)
        dc.add_loose_disk(path, size_mib=size * GIB, datastore_ref=hdd, changed_at=changed_at)


def _round_up(value: float, step: int) -> int:
    return math.ceil(value / step) * step
