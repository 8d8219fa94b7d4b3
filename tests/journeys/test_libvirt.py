"""The job on a real libvirt, added through the pages to an installation that did not know it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser

from tests.journeys import house, job, killing, leftover, people
from tests.journeys.browsing import Person, Shots
from tests.journeys.estates import LibvirtEstate
from tests.journeys.site import Site, eventually

# What the second pair of database and broker does to a hypervisor, the simulated data centre shows in every run.
SECOND_PAIR = pytest.param("servers", marks=pytest.mark.soak)
pytestmark = [pytest.mark.journey, pytest.mark.rig, pytest.mark.pairs("files", SECOND_PAIR)]


@pytest.fixture(scope="module")
def ingrid(bare_site: Site, browser: Browser) -> Iterator[Person]:
    ingrid = Person(browser, bare_site, "ingrid")
    yield ingrid
    ingrid.leave()


@pytest.fixture
def lena(bare_site: Site, browser: Browser) -> Iterator[Person]:
    lena = Person(browser, bare_site, "lena")
    yield lena
    lena.leave()


@pytest.fixture(scope="module")
def watched(ingrid: Person, libvirt: LibvirtEstate) -> int:
    """The endpoint in its first mode, with something to order on it."""
    endpoint = house.add_endpoint(ingrid, libvirt)
    house.offer(ingrid, libvirt)
    return endpoint


@contextmanager
def nothing_happens(estate: LibvirtEstate) -> Iterator[None]:
    """Neither to be seen afterwards nor told by libvirt itself meanwhile."""
    before = state_of(estate)
    command = ["virsh", "-c", estate.rig.uri, "event", "--all", "--loop", "--timestamp"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as listening:
        try:
            time.sleep(1)  # until it listens
            yield
        finally:
            listening.terminate()
        told, _ = listening.communicate(timeout=10)
    assert "lifecycle" not in told and "metadata" not in told and "job" not in told, told
    assert state_of(estate) == before


def state_of(estate: LibvirtEstate) -> object:
    return estate.machines(), estate.rig.volumes(), estate.rig.volumes("images")


def test_a_watched_hypervisor_is_not_changed_whatever_is_pressed(
    watched: int, ingrid: Person, lena: Person, libvirt: LibvirtEstate, shots: Shots
) -> None:
    site = lena.site
    libvirt.make_by_hand("quick-test")
    with nothing_happens(libvirt):
        machine = house.find_and_assign(ingrid, libvirt, "quick-test", to="lena")
        request = killing.ask_and_approve(site, libvirt, "waits-for-manage")
        lena.sign_in(to=f"/machines/{machine}/")
        lena.sees("is only watched")
        lena.press_in_menu("Power", "Start")
        lena.sees("This waits until that ends.")
        shots.take(lena.page, "only-watched")
        eventually(lambda: waits_to_observe(site) == 2, what="both to have been tried and held back")
        lena.press("Give back now")
        lena.page.get_by_role("dialog").get_by_role("button", name="Give back").click()
        lena.sees("The lease ended; it is being stopped")
        time.sleep(5)  # two sweeps
    assert killing.state(site, request) == "building"
    lena.is_content()


def waits_to_observe(site: Site) -> int:
    return len(site.rows("SELECT 1 FROM lifecycle_operation WHERE state = 'waiting' AND waits_for = 'observe'"))


@pytest.fixture(scope="module")
def managed(watched: int, ingrid: Person) -> int:
    house.manage(ingrid, watched)
    return watched


def test_what_waited_goes_on_when_it_is_managed(managed: int, bare_site: Site, libvirt: LibvirtEstate) -> None:
    rows = bare_site.rows("SELECT id, machine_id, name FROM lifecycle_request WHERE name = 'waits-for-manage'")

    eventually(lambda: killing.state(bare_site, rows[0]["id"]) == "done", within=60, what="the machine")

    row = people.machine_of(bare_site, rows[0]["id"])
    uuid = people.uuid_of(row)
    killing.is_there_once(bare_site, libvirt, name="waits-for-manage", uuid=uuid, machine=row["id"])


def test_a_machine_made_by_hand_is_found_and_given_a_holder(
    managed: int, bare_site: Site, libvirt: LibvirtEstate, ingrid: Person, shots: Shots
) -> None:
    libvirt.make_by_hand("another-test")

    machine = house.find_and_assign(ingrid, libvirt, "another-test", to="Lena Brandt")

    house.is_held_now(bare_site, libvirt, "another-test", machine)
    shots.take(ingrid.page, "assigned")
    ingrid.is_content()


def test_a_worker_killed_while_copying_leaves_one_machine(
    managed: int, bare_site: Site, libvirt: LibvirtEstate
) -> None:
    killing.kill_while_copying(bare_site, libvirt, "outlives-its-worker")


def test_the_job(managed: int, bare_site: Site, libvirt: LibvirtEstate, browser: Browser, shots: Shots) -> None:
    job.do(bare_site, libvirt, browser, shots, name="churn-scoring")


def test_a_disk_left_behind_is_found_renamed_waited_for_and_removed(
    managed: int, bare_site: Site, libvirt: LibvirtEstate, ingrid: Person, shots: Shots
) -> None:
    """After the job, since it moves the clock."""
    leftover.do(bare_site, libvirt, ingrid, shots, name="left-behind")
