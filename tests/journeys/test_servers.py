"""The job on a vCenter and on a pool of Xen hosts, each added through the pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from playwright.sync_api import Browser

from tests.journeys import house, job, pairs
from tests.journeys.browsing import Person, Shots
from tests.journeys.servers import VcenterEstate, XapiEstate
from tests.journeys.site import Site
from tests.rigs.vcenter import VcenterRig
from tests.rigs.vcenter.fixtures import available
from tests.rigs.xapi import XapiRig

pytestmark = [pytest.mark.journey, pytest.mark.rig, pytest.mark.pairs("files")]


@pytest.fixture(scope="module")
def bare_site(pair: pairs.Files) -> Iterator[Site]:
    """Guests of the simulated vCenter have no tools: they hear nothing, and are not waited for longer than this."""
    folder = settings.DATA_DIR / "servers"
    with Site(folder, machines=8, settings=pair.settings(), SHUTDOWN_PATIENCE="2") as site:
        yield site


@pytest.fixture
def ingrid(bare_site: Site, browser: Browser) -> Iterator[Person]:
    ingrid = Person(browser, bare_site, "ingrid")
    yield ingrid
    ingrid.leave()


@pytest.fixture(scope="module")
def vcenter() -> Iterator[VcenterEstate]:
    available()
    with VcenterRig(hosts=1, machines=1) as rig:
        estate = VcenterEstate(rig)
        yield estate
        estate.close()


@pytest.fixture(scope="module")
def xapi() -> Iterator[XapiEstate]:
    with XapiRig() as rig:
        estate = XapiEstate(rig)
        yield estate
        estate.close()


def take_on(ingrid: Person, estate: VcenterEstate | XapiEstate) -> None:
    """From an address to something to order there."""
    endpoint = house.add_endpoint(ingrid, estate)
    house.offer(ingrid, estate)
    house.manage(ingrid, endpoint)


def test_the_job_on_xen(bare_site: Site, ingrid: Person, xapi: XapiEstate, browser: Browser, shots: Shots) -> None:
    take_on(ingrid, xapi)
    job.do(bare_site, xapi, browser, shots, name="route-planning")


def test_the_job_on_a_vcenter(
    bare_site: Site, ingrid: Person, vcenter: VcenterEstate, browser: Browser, shots: Shots
) -> None:
    take_on(ingrid, vcenter)
    job.do(bare_site, vcenter, browser, shots, name="churn-scoring")
