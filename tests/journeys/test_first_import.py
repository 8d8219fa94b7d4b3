"""An hour after installing: a vCenter that has grown wild, from its address to the overview of what nobody owns."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from playwright.sync_api import Browser

from tests.journeys import house, pairs
from tests.journeys.browsing import Person, Shots
from tests.journeys.servers import VcenterEstate
from tests.journeys.site import Site, eventually
from tests.rigs.vcenter import VcenterRig
from tests.rigs.vcenter.fixtures import available

pytestmark = [pytest.mark.journey, pytest.mark.rig, pytest.mark.pairs("files")]

MACHINES, CLUSTERS = 5000, 2
SLOW = 240


@pytest.fixture(scope="module")
def bare_site(pair: pairs.Files) -> Iterator[Site]:
    with Site(settings.DATA_DIR / "wild", machines=8, settings=pair.settings()) as site:
        yield site


@pytest.fixture(scope="module")
def vcenter() -> Iterator[VcenterEstate]:
    available()
    with VcenterRig(clusters=CLUSTERS, hosts=4, machines=MACHINES // CLUSTERS) as rig:
        estate = VcenterEstate(rig)
        yield estate
        estate.close()


def test_from_an_address_to_what_nobody_owns(
    bare_site: Site, vcenter: VcenterEstate, browser: Browser, shots: Shots
) -> None:
    ingrid = Person(browser, bare_site, "ingrid")
    number = house.watch(ingrid, vcenter)
    ingrid.sees("Complete", f"{MACHINES:,}", within=SLOW)
    shots.take(ingrid.page, "imported")
    _looked_often_enough(ingrid, number)

    ingrid.go(f"/estate/?endpoint={number}")
    ingrid.sees("DC0_C0", "DC0_C1", "More than 1,000 machines")
    assert ingrid.violations() == []
    shots.take(ingrid.page, "tree")

    ingrid.go(f"/sprawl/?endpoint={number}")
    ingrid.sees("Findings by kind", "Orphan", f"{MACHINES:,}", "€")
    assert ingrid.violations() == []
    shots.take(ingrid.page, "overview")
    ingrid.click(ingrid.page.get_by_role("link", name="Orphan, nobody holds it"))
    ingrid.sees(f"{MACHINES:,}")
    shots.take(ingrid.page, "orphans")
    assert _orphans(bare_site, number) == MACHINES
    ingrid.is_content()
    ingrid.leave()


def _looked_often_enough(ingrid: Person, number: int) -> None:
    """Until a machine was seen in as many complete looks as make an orphan, and the findings are written."""
    for wanted in (2, 3):
        ingrid.press("Scan now")
        eventually(lambda n=wanted: house.scans(ingrid.site, number) >= n, within=SLOW, what="another look")  # type: ignore[misc]
    eventually(lambda: _orphans(ingrid.site, number) == MACHINES, within=SLOW, what="the findings")


def _orphans(site: Site, number: int) -> int:
    question = (
        "SELECT COUNT(*) AS n FROM lifecycle_finding f JOIN lifecycle_machine m ON m.id = f.machine_id"
        " WHERE f.kind = 'orphan' AND f.ended_at IS NULL AND m.endpoint_id = ?"
    )
    return int(site.rows(question, number)[0]["n"])
