"""Work that somebody cancels while it is under way: what the administrator does, and what the requester sees of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys import killing, people
from tests.journeys.browsing import Person
from tests.journeys.estates import SimulatedEstate
from tests.journeys.site import Site, eventually

pytestmark = [pytest.mark.journey, pytest.mark.pairs("files")]


@pytest.fixture
def slow_copies(simulated: SimulatedEstate) -> Iterator[None]:
    simulated.dc.set("duration.clone", 600)
    yield
    simulated.dc.set("duration.clone", 6)


@pytest.fixture
def ingrid(browser: Browser, site: Site) -> Iterator[Person]:
    yield from signed_in(browser, site, "ingrid")


@pytest.fixture
def lena(browser: Browser, site: Site) -> Iterator[Person]:
    yield from signed_in(browser, site, "lena")


def signed_in(browser: Browser, site: Site, name: str) -> Iterator[Person]:
    person = Person(browser, site, name)
    person.sign_in()
    yield person
    person.leave()


def under_way(site: Site, estate: SimulatedEstate, name: str) -> tuple[int, int]:
    """Numbers of a request and of the work on it, which has begun and takes long."""
    request = killing.ask_and_approve(site, estate, name)
    uuid = people.uuid_of(people.machine_of(site, request))
    eventually(lambda: estate.copying(uuid), what="the copy to be under way")
    question = "SELECT o.id FROM lifecycle_operation o JOIN lifecycle_request r USING (machine_id) WHERE r.id = ?"
    return request, int(site.rows(question, request)[0]["id"])


def renewed(person: Person) -> None:
    """Waits until the page has put another live part in the place of the one that is there."""
    person.page.locator("#work").evaluate("part => { part.dataset.old = 'yes'; }")
    expect(person.page.locator("#work[data-old]")).to_have_count(0)


def focused(person: Person) -> str:
    return str(person.page.evaluate("document.activeElement.id"))


def test_an_order_is_cancelled_and_asked_for_again(
    site: Site, simulated: SimulatedEstate, slow_copies: None, ingrid: Person, lena: Person
) -> None:
    stray = simulated.stray()
    request, work = under_way(site, simulated, "ordered-twice")
    ingrid.go("/operations/?state=running&kind=create")
    ingrid.page.locator(f"#cancel-{work}").click()
    ingrid.fill("Why", "Ordered twice")
    ingrid.press("Cancel it")
    ingrid.page.wait_for_url(site.url + "/operations/?state=running&kind=create")

    lena.go(f"/requests/{request}/")
    lena.sees("Cancelled by Ingrid Solheim", "“Ordered twice”", "Nothing is charged.")
    lena.press("Ask again")
    lena.sees(f"Filled in as R-{request} was asked for.")
    expect(lena.field("Name")).to_have_value("ordered-twice")
    lena.fill("Name", "ordered-once")
    people.press_ask(lena)

    lena.sees("Waits for Tomasz Wieczorek")
    assert simulated.stray() == stray
    for person in (ingrid, lena):
        person.is_content()


def test_a_requester_takes_back_what_is_being_built(
    site: Site, simulated: SimulatedEstate, slow_copies: None, lena: Person
) -> None:
    stray = simulated.stray()
    request, _work = under_way(site, simulated, "not-wanted")
    lena.go(f"/requests/{request}/")

    lena.press("Take it back")

    lena.sees("Taken back")
    expect(lena.page.get_by_role("link", name="Ask again")).to_be_visible()
    assert simulated.stray() == stray
    lena.is_content()


def test_what_is_live_takes_away_neither_focus_nor_filters_nor_a_question(
    site: Site, simulated: SimulatedEstate, slow_copies: None, ingrid: Person
) -> None:
    _request, work = under_way(site, simulated, "looked-at")
    ingrid.go("/operations/?state=open&kind=create")
    for control in (f"operation-{work}", f"cancel-{work}", "stat-running"):
        ingrid.page.locator(f"#{control}").focus()
        renewed(ingrid)
        assert focused(ingrid) == control

    ingrid.page.locator(f"#cancel-{work}").click()
    renewed(ingrid)
    expect(ingrid.page.get_by_role("dialog", name=re.compile("looked-at"))).to_be_visible()
    ingrid.page.keyboard.press("Escape")

    eventually(lambda: focused(ingrid) == f"cancel-{work}", what="the focus to come back")
    assert ingrid.page.url.endswith("/operations/?state=open&kind=create")
    site.api("ingrid", f"operations/{work}/cancel/", {"reason": "Only for looking"})
    ingrid.sees("Nothing fits these filters.")
    ingrid.is_content()
