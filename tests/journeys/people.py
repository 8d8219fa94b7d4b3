"""What the people of a journey do at its stages: each function is one thing that somebody wants."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from playwright.sync_api import expect

from tests.journeys.browsing import Person
from tests.journeys.estates import Estate
from tests.journeys.site import Site, eventually

PURPOSE = "Nightly scoring of the churn model"


def order(person: Person, estate: Estate, name: str, *, last_day: date) -> int:
    """From the home page to a submitted order. Returns the request's number."""
    person.press("Order a machine")
    choose(person, estate.blueprint)
    choose(person, estate.size)
    person.fill("Name", name)
    person.fill("Purpose", PURPOSE)
    until_default = prices(person.text("#order-price"))
    person.fill("Last day", last_day.isoformat())
    person.field("Last day").blur()
    eventually(lambda: prices(person.text("#order-price")) != until_default, what="the price until another day")
    return press_ask(person)


def choose(person: Person, words: str) -> None:
    """A blueprint or a size, if it is not chosen already; the price follows."""
    choice = person.page.get_by_role("radio", name=re.compile(f"^{words}"))
    if not choice.is_checked():
        with person.page.expect_response(re.compile("/order/price/")):
            person.click(choice)


def press_ask(person: Person) -> int:
    person.press("Ask for this machine")
    person.page.wait_for_url(re.compile(r"/requests/\d+/$"))
    return int(person.page.url.rstrip("/").rpartition("/")[2])


def prices(text: str) -> list[int]:
    """All amounts in a text, in cents."""
    found = re.findall(r"€([\d,]+)\.(\d\d)", text)
    return [int(euros.replace(",", "")) * 100 + int(cents) for euros, cents in found]


def today(site: Site) -> date:
    """By the installation's clock, which may be ahead."""
    shift = site.rows("SELECT shift FROM lifecycle_clock")
    ahead = timedelta(microseconds=shift[0]["shift"] if shift else 0)
    return (datetime.now(ZoneInfo("Europe/Berlin")) + ahead).date()


def skip(person: Person, words: str, *, within: float = 120) -> None:
    """Moves the demo's clock with the control on the page, and waits until it has arrived."""
    person.go("/")
    with person.page.expect_navigation():  # else the clock may be asked before it was told
        person.page.locator("#demo-bar").get_by_role("button", name=words).click()
    eventually(lambda: arrived(person.site), within=within, every=0.3, what="time to have passed")
    # The page reloads itself on arrival; going somewhere at that moment would be interrupted.
    expect(person.page.locator("#demo-bar").get_by_role("button", name=words)).to_be_visible()


def arrived(site: Site) -> bool:
    return not site.rows("SELECT 1 FROM lifecycle_clock WHERE target IS NOT NULL")


def machine_of(site: Site, request: int) -> dict[str, Any]:
    """The machine's row of a request, once there is one."""
    question = "SELECT m.* FROM lifecycle_machine m JOIN lifecycle_request r ON r.machine_id = m.id WHERE r.id = ?"
    return eventually(lambda: site.rows(question, request), what="a machine's row")[0]


def uuid_of(row: dict[str, Any]) -> str:
    text = row["uuid"]
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def open_spans(site: Site, machine: int) -> list[str]:
    rows = site.rows(
        "SELECT meter FROM lifecycle_span WHERE machine_id = ? AND ended_at IS NULL ORDER BY meter", machine
    )
    return [row["meter"] for row in rows]


def cents_of(site: Site, who: str, machine: int) -> int:
    """What the interface says a machine cost, all months together."""
    lines = site.rows("SELECT sum(cents) AS cents FROM lifecycle_line WHERE machine_id = ?", machine)
    return int(lines[0]["cents"] or 0)
