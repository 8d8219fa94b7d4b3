"""A small company on a simulated data centre whose work is instant: the stage on which rules are tested."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from hypervisors.simulated.datacentre import DataCentre
from lifecycle import clock
from lifecycle.catalog.models import Blueprint, Size
from lifecycle.estate.models import Endpoint, Image, Machine, Pool
from lifecycle.estate.sync import sync
from lifecycle.leases import clockwork
from lifecycle.notices import actions as notices
from lifecycle.notices import rendering
from lifecycle.operations import seeds
from lifecycle.operations.engine import step
from lifecycle.operations.models import Operation
from lifecycle.operations.queries import due_keys
from lifecycle.people.models import User
from lifecycle.requests import actions as requests
from lifecycle.requests.models import Request
from lifecycle.wiring import OUTCOMES
from tests.lifecycle.factories import make_admin, make_cost_centre, make_rate_card, make_team, make_threshold, make_user

GIB = 1024
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class World:
    dc: DataCentre
    endpoint: Endpoint
    blueprint: Blueprint
    small: Size
    large: Size
    owner: User
    teammate: User
    stranger: User
    approver: User
    admin: User
    keys: list[str] = field(default_factory=list)

    def day(self, days: int) -> date:
        """That many days from now."""
        return (clock.now() + timedelta(days=days)).astimezone(self.owner.tz).date()

    def submit(self, name: str = "churn-scoring", **changes: Any) -> Request:
        fields: dict[str, Any] = {
            "blueprint": self.blueprint,
            "size": self.small,
            "name": name,
            "purpose": "Nightly scoring",
            "last_day": self.day(30),
            "key": uuid.uuid4().hex,
            "by": self.owner,
        }
        return requests.submit(**fields | changes)

    def work_off(self, *, rounds: int = 200) -> None:
        """Does all work that is due, as workers would."""
        for _ in range(rounds):
            Operation.objects.filter(state__in=Operation.OPEN, waits_for="").update(next_try_at=LONG_AGO)
            pks = due_keys()
            if not pks:
                return
            for pk in pks:
                step(pk, outcomes=OUTCOMES)

    def machine(self, name: str = "churn-scoring", **changes: Any) -> Machine:
        """Ordered, approved, built and handed over."""
        request = self.submit(name, **changes)
        requests.approve(request, by=self.approver)
        self.work_off()
        request.refresh_from_db()
        assert request.machine is not None
        return Machine.objects.select_related("lease", "endpoint").get(pk=request.machine.pk)

    def move_to(self, instant: datetime | None) -> None:
        """Straight to an instant, then what is due there: warnings leave, leases end, work is done."""
        assert instant is not None
        clock.move_to(instant)
        self.tick()

    def tick(self) -> None:
        clockwork.advance()
        seeds.detach_due()
        notices.send(rendering.current())
        self.work_off()
        notices.send(rendering.current())

    def native(self) -> list[dict[str, Any]]:
        """The machines that really exist on the hypervisor, images apart."""
        return [machine for machine in self.dc.machines() if not machine["is_template"]]


def make_world(folder: Path) -> World:
    dc = DataCentre(folder / f"{uuid.uuid4().hex}.dc.sqlite3", clock=clock.now)
    dc.set_durations(0)
    store = dc.add_datastore("ssd-1", capacity_mib=100_000 * GIB)
    network = dc.add_network("internal")
    pool = dc.add_pool("General", datastore_ref=store, network_ref=network)
    dc.add_host("host-1", pool_ref=pool)
    dc.add_image("Debian 12", disk_mib=8 * GIB, datastore_ref=store)
    endpoint = Endpoint.objects.create(name="Hamburg", kind="simulated", path=dc.path, mode=Endpoint.Mode.MANAGE)
    sync(endpoint)
    make_rate_card()
    make_threshold("orphan_scans", 1)
    centre = make_cost_centre("4120", name="Data Platform")
    team = make_team("Data Platform", cost_centre=centre)
    approver = make_user("tomasz", team=team, cost_centre=centre, email="tomasz@example.org")
    centre.owner = approver
    centre.save()
    small = Size.objects.create(name="Small", vcpus=2, memory_mib=4 * GIB, disk_mib=40 * GIB)
    large = Size.objects.create(name="Large", vcpus=8, memory_mib=32 * GIB, disk_mib=60 * GIB)
    blueprint = Blueprint.objects.create(
        name="Debian 12",
        image=Image.objects.get(name="Debian 12"),
        pool=Pool.objects.get(name="General"),
        default_days=30,
        max_days=90,
        grace_days=7,
    )
    blueprint.sizes.set([small, large])
    cast = {
        name: make_user(name, team=team, cost_centre=centre, supervisor=approver, email=f"{name}@example.org")
        for name in ("lena", "piotr")
    }
    return World(
        dc=dc,
        endpoint=endpoint,
        blueprint=blueprint,
        small=small,
        large=large,
        owner=cast["lena"],
        teammate=cast["piotr"],
        stranger=make_user(
            "jonas", email="jonas@example.org", team=make_team("Web Shops"), cost_centre=make_cost_centre()
        ),
        approver=approver,
        admin=make_admin("ingrid", email="ingrid@example.org"),
    )
