"""Installations, browsers and hypervisors of the journeys' own, each started once."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser, sync_playwright

from tests.journeys import pairs, slow
from tests.journeys.browsing import CHROMIUM, OPTIONS, Shots
from tests.journeys.estates import LibvirtEstate, SimulatedEstate
from tests.journeys.site import Site
from tests.rigs.libvirt import LibvirtRig
from tests.rigs.libvirt.fixtures import available


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        sentence = "This needs a browser: apt-get install chromium fonts-dejavu-core"
        pytest.fail(sentence) if os.environ.get("CI") else pytest.skip(sentence)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Journeys go on both pairs of database and broker, unless their mark names one."""
    if "pair" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("pairs")
        metafunc.parametrize("pair", mark.args if mark else pairs.PAIRS, indirect=True, scope="session")


@pytest.fixture(scope="session")
def pair(request: pytest.FixtureRequest) -> Iterator[pairs.Files]:
    with pairs.running(request.param) as pair:
        yield pair


@pytest.fixture(scope="session")
def site(pair: pairs.Files) -> Iterator[Site]:
    """An installation with the example estate, a small one. Whoever moves its clock comes last."""
    with Site(settings.DATA_DIR / "example", machines=40, settings=pair.settings()) as site:
        yield site


@pytest.fixture(scope="session")
def simulated(site: Site) -> SimulatedEstate:
    return SimulatedEstate(site)


@pytest.fixture(scope="module")
def bare_site(pair: pairs.Files) -> Iterator[Site]:
    """An installation for a hypervisor to be added to."""
    with Site(settings.DATA_DIR / "bare", machines=8, settings=pair.settings()) as site:
        yield site


@pytest.fixture(scope="module")
def libvirt(pair: pairs.Files) -> Iterator[LibvirtEstate]:
    """A hypervisor that no other installation has worked on."""
    available()
    rig = LibvirtRig(image_mib=288, data_mib=256)
    try:
        rig.start()
        with slow.copies(rig):
            yield LibvirtEstate(rig)
    finally:
        rig.stop()


@pytest.fixture
def shots(request: pytest.FixtureRequest) -> Shots:
    return Shots(f"{request.path.stem.removeprefix('test_')}-{request.node.name.removeprefix('test_')}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what the installation wrote meanwhile."""
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Site):
                report.sections.append((f"logs of {name}", value.logs()))
    return report
