"""How machines that nobody holds come to a holder: by a list that is filled in, and by whoever claims them."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser

from tests.journeys import people
from tests.journeys.browsing import Person, Shots
from tests.journeys.estates import Estate, SimulatedEstate
from tests.journeys.house import words_on
from tests.journeys.site import Site, eventually

FINDING = (
    "SELECT m.id FROM lifecycle_finding f JOIN lifecycle_machine m ON m.id = f.machine_id"
    " WHERE m.name = ? AND f.kind = 'orphan' AND f.ended_at IS NULL"
)


def find(site: Site, estate: SimulatedEstate, *names: str, by: str = "root") -> dict[str, int]:
    """Made by hand on the hypervisor, and found. Returns the machines' numbers."""
    for name in names:
        estate.dc.make_machine_by_hand(name, created_by=by)

    def seen(name: str) -> int:
        rows = site.rows(FINDING, name)
        return int(rows[0]["id"]) if rows else 0

    endpoint = site.rows("SELECT id FROM lifecycle_endpoint WHERE name = ?", estate.endpoint)[0]["id"]
    site.api("ingrid", f"endpoints/{endpoint}/scan/", method="POST")
    return {name: eventually(partial(seen, name), within=90, what=f"{name} found") for name in names}


def suspected(site: Site, machine: int) -> bool:
    """Somebody is known who might hold it."""
    return bool(site.rows("SELECT id FROM lifecycle_holdercandidate WHERE machine_id = ?", machine))


def by_csv(ingrid: Person, found: dict[str, int], folder: Path, shots: Shots) -> None:
    """The template is downloaded, filled in, tried and applied; each row says what became of it."""
    ingrid.go("/orphans/?q=wild-csv")
    ingrid.press(next(iter(found)))
    ingrid.sees("Who is it?", "1 candidate", "Lena Brandt")
    shots.take(ingrid.page, "candidates")
    ingrid.go("/orphans/?q=wild-csv")
    with ingrid.page.expect_download() as coming:
        ingrid.press("As CSV")
    file = folder / "filled.csv"
    file.write_text(_filled_in(ingrid.site, coming.value.path()), encoding="utf-8")
    ingrid.press("Holders by CSV")
    ingrid.page.get_by_label("CSV file").set_input_files(file)
    ingrid.press("Show what it would do")
    ingrid.sees("Nothing is written yet", "2 machines get a holder", "No machine is called no-such-machine.")
    shots.take(ingrid.page, "tried")
    assert held(ingrid.site, *found.values()) == 0
    ingrid.press("Apply the list")
    ingrid.sees("Applied by", "Given", within=60)
    assert held(ingrid.site, *found.values()) == 2
    shots.take(ingrid.page, "applied")


def _filled_in(site: Site, template: Path) -> str:
    """As somebody with a spreadsheet does it; a machine that is not there slips in."""
    head, *rows = csv.reader(io.StringIO(template.read_text(encoding="utf-8-sig")))
    last_day = (people.today(site) + timedelta(days=60)).isoformat()
    assert len(rows) == 2, rows
    extra = ["no-such-machine", *[""] * (len(head) - 1)]
    assert all(row[head.index("likely")].startswith("lena (") for row in rows), rows
    for row in [*rows, extra]:
        for column, text in {"holder": "lena", "purpose": "Kept for the audit", "last_day": last_day}.items():
            row[head.index(column)] = text
    written = io.StringIO()
    csv.writer(written, delimiter=";").writerows([head, *rows, extra])
    return written.getvalue()


def held(site: Site, *machines: int) -> int:
    """How many of them have a holder, a lease and the money meters that go with it."""
    question = (
        "SELECT m.id FROM lifecycle_machine m JOIN lifecycle_lease l ON l.machine_id = m.id"
        " JOIN lifecycle_user u ON u.id = m.holder_id WHERE m.id = ? AND m.stage = 'active' AND u.username = 'lena'"
    )
    return sum(bool(site.rows(question, machine) and people.open_spans(site, machine)) for machine in machines)


def is_stamped(estate: Estate, uuid: str) -> bool:
    return "Lena Brandt" in words_on(estate, uuid)


def ask_everybody(ingrid: Person, name: str) -> None:
    """Ticked with the keyboard, put on the board."""
    ingrid.go(f"/orphans/?q={name}")
    ingrid.page.locator("tbody tr").first.focus()
    ingrid.page.keyboard.press("x")
    ingrid.press("Ask everybody…")
    ingrid.sees("The 1 that is ticked")
    ingrid.press("Put on the board")
    ingrid.page.wait_for_url("**/board/")


def claim(lena: Person, name: str, shots: Shots) -> None:
    lena.go("/board/")
    lena.sees(name)
    shots.take(lena.page, "board")
    lena.press(f"{name} is mine")
    lena.fill("How you know that it is yours", "I made it for the load tests")
    lena.fill("Purpose", "Load tests")
    lena.fill("Last day", (people.today(lena.site) + timedelta(days=30)).isoformat())
    lena.press("Claim it")
    lena.page.wait_for_url("**/board/")
    lena.sees("You claimed it", "Your claims")


def decide(ingrid: Person, name: str, shots: Shots) -> None:
    ingrid.go("/claims/")
    ingrid.press(name)
    ingrid.sees("I made it for the load tests", "Who shall hold it", "Lena Brandt")
    shots.take(ingrid.page, "claim")
    ingrid.press("Accept, and give it to them")
    ingrid.page.wait_for_url("**/claims/")


def claimed(site: Site, estate: SimulatedEstate, browser: Browser, shots: Shots, name: str) -> None:
    """From a machine that nobody knows to one that its user holds, and was told of."""
    machine = find(site, estate, name)[name]
    ingrid, lena = Person(browser, site, "ingrid"), Person(browser, site, "lena")
    ingrid.sign_in()
    lena.sign_in()
    ask_everybody(ingrid, name)
    claim(lena, name, shots)
    decide(ingrid, name, shots)
    lena.go("/notices/")
    lena.sees(f"{name} is yours now")
    lena.go(f"/machines/{machine}/")
    lena.sees("Active", "Load tests", "Held by you")
    eventually(lambda: any(f"{name} is yours now" in mail for mail in site.mails()), within=60, what="the mail")
    lena.go("/board/")
    assert f"{name} is mine" not in lena.text()
    for person in (ingrid, lena):
        person.is_content()
        person.leave()
