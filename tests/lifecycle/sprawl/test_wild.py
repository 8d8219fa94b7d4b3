"""Chance changes an estate behind the portal's back, and looks fail: what is found is what a model of its own says."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hypervisors.simulated.datacentre import DataCentre
from lifecycle.estate import connections
from lifecycle.estate.models import Endpoint, Machine, Stage
from lifecycle.estate.sync import sync
from lifecycle.people.models import User
from lifecycle.sprawl.actions import scan
from lifecycle.sprawl.models import Finding, Kind
from tests.lifecycle.factories import make_endpoint, make_user

pytestmark = pytest.mark.django_db

ROUNDS = 25
ENOUGH = 3
"""Complete looks: before something is an orphan, and before something missed is gone."""


@dataclass
class Known:
    """A machine as the register should know it."""

    ref: str
    name: str
    uuid: str
    managed: bool = False
    there: bool = True
    seen_name: str = ""
    """Empty until a look saw it."""
    seen_managed: bool = False
    before: int = 0
    missed: int = 0
    held: bool = False


@dataclass
class Wild:
    """What happens there, and what the portal should make of it. Knows nothing of how the portal works."""

    centre: DataCentre
    endpoint: Endpoint
    holder: User
    chance: random.Random
    machines: list[Known] = field(default_factory=list)
    complete: int = 0

    def happen(self) -> None:
        self.chance.choice([self.make, self.make, self.rename, self.clone, self.delete, self.register, self.hold])()

    def any(self, **wanted: Any) -> list[Known]:
        fitting = [one for one in self.machines if one.there and all(getattr(one, k) == v for k, v in wanted.items())]
        return self.chance.sample(fitting, k=min(len(fitting), 1))

    def make(self) -> None:
        name, same = f"vm-{len(self.machines)}", str(uuid.UUID(int=self.chance.getrandbits(128), version=4))
        managed = self.chance.random() < 0.2
        ref = self.centre.make_machine_by_hand(name, uuid=same, managed_by="vCLS" if managed else "")
        self.machines.append(Known(ref, name, same, managed))

    def rename(self) -> None:
        for one in self.any():
            one.name += "x"
            self.centre.change_by_hand(one.ref, name=one.name)

    def clone(self) -> None:
        for one in self.any(managed=False):
            name = f"vm-{len(self.machines)}"
            ref = self.centre.clone_by_hand(one.ref, name, same_uuid=True)
            self.machines.append(Known(ref, name, one.uuid))

    def delete(self) -> None:
        """Not what was just copied with its UUID: the copy would be the same machine under another reference."""
        for one in self.any():
            if any(other.uuid == one.uuid and other is not one and not other.seen_name for other in self.machines):
                continue
            self.centre.delete_by_hand(one.ref, keep_disks=self.chance.random() < 0.5)
            one.there = False

    def register(self) -> None:
        """Of two with one UUID nobody can tell which one came back."""
        for one in self.any():
            if sum(other.uuid == one.uuid for other in self.machines) == 1:
                one.ref = self.centre.register_again(one.ref)

    def restart(self) -> None:
        for one in self.machines:
            if one.there and sum(other.uuid == one.uuid for other in self.machines) == 1:
                one.ref = self.centre.register_again(one.ref)

    def hold(self) -> None:
        """Somebody gets a machine that the register knows and that is there."""
        for one in self.any(held=False, managed=False, seen_managed=False):
            if one.seen_name and not one.missed:
                found = Machine.objects.filter(name=one.seen_name, stage=Stage.DISCOVERED)
                one.held = bool(found.update(stage=Stage.ACTIVE, holder=self.holder))

    def look(self) -> None:
        how = self.chance.choice(["complete", "complete", "complete", "no networks", "no machines", "away"])
        if how == "no networks":
            self.centre.add_fault("list_networks", "denied")
        elif how == "no machines":
            self.centre.add_fault("list_machines", "denied")
        elif how == "away":
            self.centre.go_offline()
        result = sync(self.endpoint)
        self.centre.clear_faults()
        if how == "away":
            self.centre.come_back()
            Endpoint.objects.update(rests_until=None)
        # Where only changes are asked for, some of these parts are not, and their fault is not noticed.
        self._note(saw=result.complete or how == "no networks", complete=result.complete)

    def _note(self, *, saw: bool, complete: bool) -> None:
        if saw:
            for one in self.machines:
                if one.there:
                    one.before = one.before if one.seen_name else self.complete
                    one.seen_name, one.seen_managed = one.name, one.managed
        if complete:
            self.complete += 1
            for one in self.machines:
                one.missed += not one.there and bool(one.seen_name)

    def expected(self, kind: Kind) -> set[str]:
        known = [one for one in self.machines if one.seen_name]
        if kind == Kind.GHOST:
            return {one.seen_name for one in known if one.held and one.missed >= ENOUGH}
        if kind == Kind.ORPHAN:
            nobodys = [one for one in known if not one.held and not one.managed and one.missed < ENOUGH]
            return {one.seen_name for one in nobodys if self.complete - one.before >= ENOUGH}
        there = [one for one in known if not one.missed]
        several = {one.uuid for one in there if sum(other.uuid == one.uuid for other in there) > 1}
        return {one.seen_name for one in there if one.uuid in several}


@pytest.fixture
def centre(tmp_path: Path, settings: Any) -> Iterator[DataCentre]:
    settings.SIMULATED_DIR = tmp_path
    centre = DataCentre(tmp_path / "wild.dc.sqlite3")
    centre.set_durations(0)
    store = centre.add_datastore("store", capacity_mib=10_000_000)
    centre.add_host("host", pool_ref=centre.add_pool("rack", datastore_ref=store))
    yield centre
    connections.close_all()
    centre.close()


@pytest.mark.parametrize("everything", [True, False], ids=["everything", "changes"])
@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_found_is_what_happened(centre: DataCentre, settings: Any, seed: int, everything: bool) -> None:
    settings.FULL_SCAN_EVERY_MINUTES = 0 if everything else 60
    settings.MISSING_AFTER_SCANS = ENOUGH
    endpoint = make_endpoint("Wild", path=centre.path, scans=0)
    wild = Wild(centre, endpoint, make_user(), random.Random(seed))
    for turn in range(ROUNDS):
        for _ in range(wild.chance.randint(1, 4)):
            wild.happen()
        if turn == ROUNDS // 2:
            wild.restart()
        wild.look()
        result = scan()
        assert result.failed == ()
        for kind in (Kind.ORPHAN, Kind.GHOST, Kind.DUPLICATE):
            found = Finding.objects.filter(kind=kind, ended_at=None).values_list("machine__name", flat=True)
            assert sorted(found) == sorted(wild.expected(kind)), f"{kind} after turn {turn} of seed {seed}"
    assert wild.expected(Kind.ORPHAN) and wild.complete > ENOUGH
