"""What the people of a journey do at its stages: each function is one thing that somebody wants."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

from playwright.sync_api import expect

from tests.journeys.browsing import Person
from tests.journeys.estates import Estate
from tests.journeys.site import Site, eventually

PURPOSE = "Nightly scoring of the churn model"


def order(person: Person, estate: Estate, name: str, *, last_day: date) -> int:
    """From the home page to a submitted order. Returns the request's number."""
    page = person.page
    person.press("Order a machine")
    before = person.text("#order-price")
    person.click(page.get_by_role("radio", name=estate.blueprint))
    with page.expect_response(re.compile("/order/price/")):
        person.click(page.get_by_role("cell", name=estate.size).or_(page.get_by_label(estate.size, exact=True)).last)
    person.fill("Name", name)
    person.fill("Purpose", PURPOSE)
    person.fill("Last day", last_day.isoformat())
    page.get_by_label("Last day", exact=True).blur()
    eventually(lambda: person.text("#order-price") != before, what="another price")
    return press_ask(person)


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
    return date.today() + timedelta(microseconds=shift[0]["shift"] if shift else 0)


def skip(person: Person, words: str, *, within: float = 120) -> None:
    """Moves the demo's clock with the control on the page, and waits until it has arrived."""
    person.go("/")
    person.page.locator("#demo-bar").get_by_role("button", name=words).click()
    eventually(lambda: arrived(person.site), within=within, every=0.3, what="time to have passed")
    person.go("/")
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
