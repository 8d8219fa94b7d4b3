"""What the administrator does through the pages: a hypervisor, what is offered on it, and what nobody holds."""

from __future__ import annotations

import re
from datetime import timedelta

from tests.journeys import people
from tests.journeys.browsing import Person
from tests.journeys.estates import Estate, Offered, vm_of
from tests.journeys.job import METERS
from tests.journeys.site import Site, eventually


def add_endpoint(ingrid: Person, estate: Offered) -> int:
    """Watched from the first scan on, and no more. Returns the endpoint's number."""
    number = watch(ingrid, estate)
    ingrid.sees(f"{estate.endpoint}", "Observe")
    scanned(ingrid.site, number)
    return number


def watch(ingrid: Person, estate: Offered) -> int:
    """As far as its page, on which the first look goes on."""
    ingrid.sign_in(to="/endpoints/new/")
    ingrid.page.get_by_label("Kind", exact=True).select_option(estate.kind)
    ingrid.page.get_by_label(next(iter(estate.form)), exact=True).wait_for()
    for label, text in {"Name": estate.endpoint, **estate.form}.items():
        ingrid.fill(label, text)
    ingrid.press("Add and observe it")
    ingrid.page.wait_for_url(re.compile(r"/endpoints/\d+/$"))
    return int(ingrid.page.url.rstrip("/").rpartition("/")[2])


def scanned(site: Site, endpoint: int, *, more_than: int = 0) -> None:
    eventually(lambda: scans(site, endpoint) > more_than, within=60, what="a complete scan")


def scans(site: Site, endpoint: int) -> int:
    return int(site.rows("SELECT scans FROM lifecycle_endpoint WHERE id = ?", endpoint)[0]["scans"])


def offer(ingrid: Person, estate: Offered) -> None:
    """A size of its own, and a blueprint of the estate's image."""
    page = ingrid.page
    ingrid.go("/catalogue/sizes/new/")
    memory, disk = estate.gib
    for label, text in (("Name", estate.size), ("vCPU", "1"), ("Memory, GiB", memory), ("System disk, GiB", disk)):
        ingrid.fill(label, text)
    ingrid.press("Add the size")
    ingrid.sees(estate.size)
    ingrid.go("/catalogue/blueprints/new/")
    ingrid.fill("Name", estate.blueprint)
    page.get_by_label("Image", exact=True).select_option(label=f"{estate.image} ({estate.endpoint})")
    pools = page.get_by_label("Pool", exact=True)
    pools.select_option(value=pools.locator("option", has_text=f"({estate.endpoint})").get_attribute("value") or "")
    page.get_by_label(estate.size, exact=True).check()
    ingrid.press("Add the blueprint")
    ingrid.page.wait_for_url("**/catalogue/")
    ingrid.sees(estate.blueprint)


def manage(ingrid: Person, endpoint: int) -> None:
    """Asked with its consequence, answered with a reason."""
    ingrid.go(f"/endpoints/{endpoint}/")
    ingrid.press("Manage it…")
    ingrid.fill("Why", "It was watched for long enough")
    ingrid.page.get_by_role("dialog").get_by_role("button", name="Manage ").click()
    ingrid.sees("Manage")
    ingrid.is_content()


def find_and_assign(ingrid: Person, estate: Estate, name: str, *, to: str) -> int:
    """From the report of orphans to a holder. Returns the machine's number."""
    site = ingrid.site
    endpoint = site.rows("SELECT id FROM lifecycle_endpoint WHERE name = ?", estate.endpoint)[0]["id"]
    ingrid.go(f"/endpoints/{endpoint}/")
    ingrid.press("Scan now")
    question = (
        "SELECT f.id, f.machine_id FROM lifecycle_finding f JOIN lifecycle_machine m ON m.id = f.machine_id"
        " WHERE m.name = ? AND f.ended_at IS NULL"
    )
    machine = int(eventually(lambda: site.rows(question, name), within=90, what="the finding")[0]["machine_id"])
    ingrid.go("/orphans/")
    ingrid.click(ingrid.page.get_by_role("link", name=name))
    ingrid.sees("Per month", "€", estate.endpoint, "Somebody's quick test", "What else is known")
    ingrid.fill("Person or team", to)
    ingrid.fill("Purpose", "Kept for the audit")
    ingrid.fill("Last day", (people.today(site) + timedelta(days=60)).isoformat())
    ingrid.press("Assign the holder")
    ingrid.page.wait_for_url(f"**/machines/{machine}/")
    ingrid.sees("Lena Brandt", "Kept for the audit", "Active")
    return machine


def is_held_now(site: Site, estate: Estate, name: str, machine: int) -> None:
    """Charged from this second on, and its holder stands on it, where the portal may write."""
    uuid = people.uuid_of(site.rows("SELECT uuid FROM lifecycle_machine WHERE id = ?", machine)[0])
    vm = vm_of(estate, uuid)
    assert vm is not None and vm.name == name
    assert people.open_spans(site, machine) == (METERS if vm.on else ["disk_mib"])
    eventually(lambda: "Lena Brandt" in words_on(estate, uuid), within=60, what="the holder on the VM")
    assert "Somebody's quick test" in words_on(estate, uuid)


def words_on(estate: Estate, uuid: str) -> str:
    vm = vm_of(estate, uuid)
    return vm.words if vm else ""
