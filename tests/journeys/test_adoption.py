"""Machines that nobody holds come to a holder: by a list, and by those who say that one is theirs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.journeys import adopting
from tests.journeys.browsing import Person, Shots
from tests.journeys.estates import SimulatedEstate
from tests.journeys.people import uuid_of
from tests.journeys.site import Site, eventually

pytestmark = [pytest.mark.journey, pytest.mark.pairs("files")]


def test_holders_by_csv(site: Site, simulated: SimulatedEstate, browser: Browser, shots: Shots, tmp_path: Path) -> None:
    found = adopting.find(site, simulated, "wild-csv-1", "wild-csv-2", by="lena")
    for machine in found.values():
        eventually(partial(adopting.suspected, site, machine), within=90, what="a candidate")
    ingrid = Person(browser, site, "ingrid")
    ingrid.sign_in()

    adopting.by_csv(ingrid, found, tmp_path, shots)

    for machine in found.values():
        uuid = uuid_of(site.rows("SELECT uuid FROM lifecycle_machine WHERE id = ?", machine)[0])
        eventually(partial(adopting.is_stamped, simulated, uuid), within=60, what="the holder on the VM")
    ingrid.is_content()
    ingrid.leave()


def test_a_claim(site: Site, simulated: SimulatedEstate, browser: Browser, shots: Shots) -> None:
    adopting.claimed(site, simulated, browser, shots, "wild-claim")
