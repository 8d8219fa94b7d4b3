"""The job on the simulated data centre."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.journeys import job
from tests.journeys.browsing import Shots
from tests.journeys.estates import SimulatedEstate
from tests.journeys.site import Site

pytestmark = pytest.mark.journey


def test_the_job(site: Site, simulated: SimulatedEstate, browser: Browser, shots: Shots) -> None:
    job.do(site, simulated, browser, shots, name="churn-scoring")
