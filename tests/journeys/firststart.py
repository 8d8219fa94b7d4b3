"""A guest one can sign in to: its keys and user data come with the order, and are gone after its first start."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from playwright.sync_api import Browser

from tests.journeys import people
from tests.journeys.browsing import Person, Shots
from tests.journeys.estates import SimulatedEstate
from tests.journeys.site import Site, eventually
from tests.lifecycle.factories import public_key

HOSTNAME = "knows-its-name"
USER_DATA = "#cloud-config\nwrite_files:\n  - {path: /etc/key, content: hush-hush-of-the-guest}\n"


def add_key(lena: Person, key: str) -> None:
    lena.go("/account/ssh-keys/new/")
    lena.fill("Public key", key)
    lena.press("Add the key")
    lena.sees(key.rpartition(" ")[2], "SHA256:")


def order(lena: Person, estate: SimulatedEstate, name: str) -> int:
    """All keys of the account are chosen already."""
    lena.go("/order/")
    people.choose(lena, estate.blueprint)
    people.choose(lena, estate.size)
    lena.fill("Name", name)
    lena.fill("Purpose", people.PURPOSE)
    lena.fill("Last day", (people.today(lena.site) + timedelta(days=20)).isoformat())
    lena.fill("Host name", HOSTNAME)
    lena.fill("User data", USER_DATA)
    return people.press_ask(lena)


def approve(tomasz: Person, request: int) -> None:
    """Sees how much there is, and not what."""
    tomasz.sign_in(to=f"/approvals/{request}/")
    tomasz.sees(HOSTNAME, "3 lines, given", f"{len(USER_DATA)} bytes", "SHA-256")
    assert "hush-hush" not in tomasz.page.content()
    tomasz.press("Approve, ")
    tomasz.page.wait_for_url("**/approvals/")


def native_seed(estate: SimulatedEstate, uuid: str) -> Any:
    """What the guest can read."""
    return next(json.loads(row["seed"] or "null") for row in estate.dc.machines() if row["uuid"] == uuid)


def go_through(site: Site, estate: SimulatedEstate, browser: Browser, shots: Shots) -> None:
    lena, tomasz = Person(browser, site, "lena"), Person(browser, site, "tomasz")
    lena.sign_in()
    add_key(lena, key := public_key("lena@desk"))
    request = order(lena, estate, "told-at-birth")
    shots.take(lena.page, "asked-for")
    approve(tomasz, request)
    lena.sees("Handed over to Lena Brandt", within=60)
    row = people.machine_of(site, request)
    uuid = people.uuid_of(row)
    told = native_seed(estate, uuid)
    assert (told["hostname"], told["user_data"]) == (HOSTNAME, USER_DATA)
    assert key in told["ssh_keys"] and len(told["ssh_keys"]) == 2, told["ssh_keys"]
    lena.go(f"/machines/{row['id']}/")
    lena.sees(HOSTNAME, "lena@desk", "3 lines, given", "Still attached until")
    assert "hush-hush" not in lena.page.content()
    shots.take(lena.page, "still-attached")
    assert lena.violations() == []
    people.skip(lena, "in a day")
    eventually(lambda: native_seed(estate, uuid) is None, within=60, what="the seed to be taken away")
    kept = "SELECT 1 FROM lifecycle_seed WHERE machine_id = ?"
    eventually(lambda: not site.rows(kept, row["id"]), what="the seed to be forgotten")
    lena.go(f"/machines/{row['id']}/")
    lena.sees("Taken away after its first start, and forgotten.", "Running", "3 lines, given")
    for person in (lena, tomasz):
        person.is_content()
        person.leave()
