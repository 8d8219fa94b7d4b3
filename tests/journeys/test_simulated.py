"""The job on the simulated data centre, with web, worker and beat in processes of their own."""

from __future__ import annotations

import signal

import pytest
from playwright.sync_api import Browser

from tests.journeys import firststart, house, job, killing, people
from tests.journeys.browsing import Person, Shots
from tests.journeys.estates import SimulatedEstate
from tests.journeys.pairs import Servers
from tests.journeys.site import Site, eventually

pytestmark = pytest.mark.journey


@pytest.mark.pairs("files")
def test_it_is_there_in_seconds(site: Site) -> None:
    assert 0 < site.seconds_to_migrate < 20


def test_a_machine_made_by_hand_is_found_and_given_a_holder(
    site: Site, simulated: SimulatedEstate, browser: Browser, shots: Shots
) -> None:
    simulated.make_by_hand("quick-test")
    ingrid = Person(browser, site, "ingrid")
    ingrid.sign_in()

    machine = house.find_and_assign(ingrid, simulated, "quick-test", to="lena")

    house.is_held_now(site, simulated, "quick-test", machine)
    shots.take(ingrid.page, "assigned")
    ingrid.is_content()
    ingrid.leave()


def test_a_worker_killed_while_copying_leaves_one_machine(site: Site, simulated: SimulatedEstate) -> None:
    # Each call takes so long that the worker dies in the middle of one, with its claim on the work.
    simulated.dc.set("latency_ms", 400)
    try:
        killing.kill_while_copying(site, simulated, "outlives-its-worker")
    finally:
        simulated.dc.set("latency_ms", 0)


@pytest.mark.pairs("servers")
def test_a_broker_emptied_and_restarted_loses_nothing(pair: Servers, site: Site, simulated: SimulatedEstate) -> None:
    redis = pair.redis.server
    redis.end()
    request = killing.ask_and_approve(site, simulated, "outlives-its-broker")  # wakes nobody
    redis.start()
    begun = (
        "SELECT 1 FROM lifecycle_operation o JOIN lifecycle_request r USING (machine_id) WHERE r.id = ? AND attempt > 0"
    )
    eventually(lambda: site.rows(begun, request), within=60, what="a worker at it")
    redis.ask("FLUSHALL")
    redis.end(signal.SIGKILL)
    redis.start()

    eventually(lambda: killing.state(site, request) == "done", within=120, what="the sweep to find it")

    row = people.machine_of(site, request)
    killing.is_there_once(site, simulated, name="outlives-its-broker", uuid=people.uuid_of(row), machine=row["id"])


@pytest.mark.pairs("files")
def test_a_guest_one_can_sign_in_to(site: Site, simulated: SimulatedEstate, browser: Browser, shots: Shots) -> None:
    firststart.go_through(site, simulated, browser, shots)


def test_the_job(site: Site, simulated: SimulatedEstate, browser: Browser, shots: Shots) -> None:
    job.do(site, simulated, browser, shots, name="churn-scoring")
