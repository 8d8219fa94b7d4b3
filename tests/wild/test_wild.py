"""People change an estate at random, behind the portal's back; after each look it says what pencil and paper say."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from lifecycle import clock
from lifecycle.estate.files import look_at_files
from lifecycle.estate.models import Datastore, Endpoint, Machine
from lifecycle.estate.sync import sync
from lifecycle.leases.actions import adopt
from lifecycle.sprawl.actions import scan
from lifecycle.sprawl.models import Finding, Kind, Threshold
from tests.hypervisors.kvm.bench import KvmBench
from tests.hypervisors.vmware.bench import VcenterBench
from tests.hypervisors.xen.bench import XenBench
from tests.lifecycle.factories import make_admin, make_endpoint, make_rate_card, make_user
from tests.rigs.libvirt import LibvirtRig
from tests.rigs.libvirt.fixtures import libvirt_rig
from tests.rigs.vcenter import VcenterRig
from tests.rigs.vcenter.fixtures import available
from tests.rigs.xapi import XapiRig
from tests.wild.hands import Hands, OfLibvirt, OfVcenter, OfXen
from tests.wild.model import File, Paper, Soul

__all__ = ["libvirt_rig"]

pytestmark = [pytest.mark.django_db, pytest.mark.rig]

ROUNDS, DEEDS = 9, 3


@pytest.fixture
def vmware() -> Iterator[Hands]:
    available()
    with VcenterRig(hosts=1, machines=0) as rig:
        hands = OfVcenter(VcenterBench(rig))
        yield hands
        hands.close()


@pytest.fixture
def xen() -> Iterator[Hands]:
    with XapiRig() as rig:
        hands = OfXen(XenBench(rig))
        yield hands
        hands.close()


@pytest.fixture
def kvm(libvirt_rig: LibvirtRig) -> Iterator[Hands]:
    hands = OfLibvirt(KvmBench(libvirt_rig))
    yield hands
    hands.close()


class Walk:
    """One estate, changed and looked at in turn; `names` ties souls to rows, which never change for a soul."""

    def __init__(self, kind: str, hands: Hands, seed: int) -> None:
        self.hands, self.dice, self.paper = hands, random.Random(seed), Paper()
        self.endpoint = make_endpoint(kind.title(), kind=kind, mode=Endpoint.Mode.OBSERVE, **_access(hands))
        self.admin = make_admin()
        make_rate_card()
        Threshold.objects.create(name="file_days", value=0)
        self.rows: dict[int, int] = {}
        self.number = 0

    def name(self) -> str:
        self.number += 1
        return f"vm-{self.number}"

    # What people do

    def deeds(self) -> list[Callable[[list[Soul]], None]]:
        usual = [self.make, self.make, self.rename, self.move, self.delete, self.adopt, self.leave_disk, self.forget]
        return usual + ([self.register_again, self.copy_with_uuid] if self.hands.copies_uuids else [])

    def change(self) -> None:
        """Each machine is touched once between two looks: of two changes at once nobody could tell what happened."""
        untouched = self.paper.there
        for _number in range(DEEDS):
            self.dice.shuffle(untouched)
            self.dice.choice(self.deeds())(untouched)

    def make(self, _untouched: list[Soul]) -> None:
        self.paper.born(self.hands.make(self.name()))

    def rename(self, untouched: list[Soul]) -> None:
        if untouched:
            self.hands.rename(untouched.pop().ref, self.name())

    def move(self, untouched: list[Soul]) -> None:
        if untouched:
            self.hands.move(untouched.pop().ref, self.name())

    def delete(self, untouched: list[Soul]) -> None:
        if len(untouched) > 2:
            soul = untouched.pop()
            self._leave_alone(untouched, soul)
            self.hands.delete(soul.ref)
            soul.there = False

    def register_again(self, untouched: list[Soul]) -> None:
        """Alone of its UUID: else nobody can tell which of them has the new reference."""
        alone = [soul for soul in untouched if sum(other.uuid == soul.uuid for other in self.paper.there) == 1]
        if alone:
            untouched.remove(alone[0])
            alone[0].ref = self.hands.register_again(alone[0].ref)

    def copy_with_uuid(self, untouched: list[Soul]) -> None:
        known = [soul for soul in untouched if soul.known]
        if known:
            self._leave_alone(untouched, known[0])
            untouched.remove(known[0])
            self.paper.born(self.hands.copy_with_uuid(known[0].ref, self.name()), known[0].uuid)

    def _leave_alone(self, untouched: list[Soul], like: Soul) -> None:
        untouched[:] = [soul for soul in untouched if soul is like or soul.uuid != like.uuid]

    def leave_disk(self, _untouched: list[Soul]) -> None:
        self.paper.files.append(File(self.hands.leave_disk(self.name())))

    def forget(self, untouched: list[Soul]) -> None:
        if len(untouched) > 2:
            soul = untouched.pop()
            self._leave_alone(untouched, soul)
            self.paper.files += [File(ref) for ref in self.hands.forget(soul.ref)]
            soul.there = False

    def adopt(self, untouched: list[Soul]) -> None:
        for soul in untouched:
            if soul.number in self.rows and not soul.held:
                machine = Machine.objects.get(pk=self.rows[soul.number])
                day = (clock.now() + timedelta(days=60)).date()
                adopt(machine, holder=make_user(), team=None, purpose="Ours", last_day=day, by=self.admin)
                soul.held = True
                return

    # What the portal says

    def look(self) -> None:
        result = sync(self.endpoint)
        assert result.answered and result.complete, result
        # What only an administrator can know: nobody else's hosts mount this storage.
        Datastore.objects.filter(endpoint=self.endpoint).update(all_known=True)
        files = look_at_files(self.endpoint)
        assert files is not None and files.complete, files
        self.paper.looked()
        scan()

    def look_in_vain(self) -> None:
        self.hands.go_dark()
        try:
            assert not sync(self.endpoint).complete
        finally:
            self.hands.come_back()
        Endpoint.objects.filter(pk=self.endpoint.pk).update(rests_until=None)
        scan()

    def look_behind_time(self) -> None:
        """By a worker whose clock is as far behind as a worker's may be. What it sees is older than what is known."""
        with time_machine.travel(datetime.now(UTC) - timedelta(seconds=clock.MOST_SKEW)):
            assert sync(self.endpoint).answered
        scan()

    def compare(self, *, answers: bool = True) -> None:
        rows = dict(
            Machine.objects.live().filter(endpoint=self.endpoint, missing_since=None).values_list("native_ref", "pk")
        )
        expected = self.paper.rows()
        gone = {soul.ref for soul in self.paper.souls if not soul.seen_ref} - set(expected.values())
        assert not gone & set(rows), "what is gone still counts as there"
        for number, ref in expected.items():
            assert ref in rows, f"nobody saw {ref}"
            assert self.rows.setdefault(number, rows[ref]) == rows[ref], f"soul {number} became another row"
        assert self.found(Kind.ORPHAN) == self.paper.orphans()
        assert self.found(Kind.GHOST) == self.paper.ghosts()
        assert self.found(Kind.DUPLICATE) == self.paper.duplicates()
        files = Finding.objects.filter(kind=Kind.DISK_FILE, ended_at=None).values_list("disk_file__ref", flat=True)
        assert set(files) == (self.paper.orphan_files() if answers else set()), "nothing is proven of who is silent"

    def found(self, kind: Kind) -> set[int]:
        """Souls with an open finding; what was there before we came is nobody's soul."""
        souls = {pk: number for number, pk in self.rows.items()}
        open_ones = Finding.objects.filter(kind=kind, ended_at=None).values_list("machine", flat=True)
        return {souls[pk] for pk in open_ones if pk in souls}


def _access(hands: Hands) -> dict[str, object]:
    target = hands.target
    return {
        "address": target.address, "port": target.port, "transport": target.transport, "path": target.path,
        "username": target.username, "secret": target.secret, "ca_pem": target.ca_pem,
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["vmware", "xen", "kvm"])
@pytest.mark.parametrize("seed", [1])
def test_findings_are_those_of_pencil_and_paper(kind: str, seed: int, request: pytest.FixtureRequest) -> None:
    walk = Walk(kind, request.getfixturevalue(kind), seed)
    for number in range(ROUNDS):
        walk.change()
        if number % 4 == 3:
            walk.look_in_vain()
            walk.compare(answers=False)
        walk.look()
        walk.compare()
        if number % 4 == 1:
            walk.look_behind_time()
            walk.compare()
    assert walk.paper.orphans(), "a walk without an orphan shows nothing"
