"""A disk that somebody left behind: found, proven to be nobody's, renamed, waited for, and removed."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.journeys import people
from tests.journeys.browsing import Person, Shots
from tests.journeys.estates import LibvirtEstate
from tests.journeys.site import Site, eventually


def do(site: Site, estate: LibvirtEstate, ingrid: Person, shots: Shots, *, name: str) -> None:
    file = f"{name}.qcow2"
    estate.leave_disk(name)
    number = _found(site, ingrid, file)
    people.skip(ingrid, "in a week")
    people.skip(ingrid, "in a day")
    for looks in (2, 3):
        _look(site, ingrid, number, looks=looks)
    ingrid.go("/sprawl/disks/?state=proven")
    ingrid.sees(file, "Nobody’s")
    shots.take(ingrid.page, "proven")
    _rename(ingrid, number)
    eventually(lambda: _row(site, number)["state"] == "retired", within=60, what="its new name")
    assert _retired(estate, file)
    _waits(ingrid, number, shots)
    _look(site, ingrid, number, looks=1)
    people.skip(ingrid, "in a month")
    ingrid.go(f"/sprawl/disks/{number}/")
    ingrid.sees("Its removal is due and waits.")
    assert _retired(estate, file), "removed before it was looked at again"
    for looks in (2, 3):
        _look(site, ingrid, number, looks=looks)
    eventually(lambda: _row(site, number)["state"] == "removed", within=60, what="the removal")
    assert not [volume for volume in estate.rig.volumes() if volume.endswith(file)]
    ingrid.go(f"/sprawl/disks/{number}/")
    ingrid.sees("was removed.", "Ingrid")
    shots.take(ingrid.page, "removed")
    assert ingrid.violations() == []
    ingrid.is_content()


def _found(site: Site, ingrid: Person, file: str) -> int:
    """By a look that is asked for on the page of storage."""
    question = "SELECT id FROM lifecycle_diskfile WHERE name = ? AND gone_at IS NULL"
    endpoint = site.rows("SELECT id FROM lifecycle_endpoint WHERE kind = 'kvm'")[0]["id"]
    if not site.rows(question, file):
        site.api("ingrid", f"endpoints/{endpoint}/files/", {})
    number = int(eventually(lambda: site.rows(question, file), within=90, what="the file")[0]["id"])
    ingrid.go(f"/sprawl/disks/{number}/")
    ingrid.sees("That is not proven.", "Not enough looks in a row")
    assert not ingrid.page.get_by_role("link", name="Rename and wait").count()
    return number


def _look(site: Site, ingrid: Person, number: int, *, looks: int) -> None:
    """Pressed on the file's page, until so many looks in a row have found it."""
    ingrid.go(f"/sprawl/disks/{number}/")
    if int(_row(site, number)["looks"]) < looks:
        with ingrid.page.expect_navigation():
            ingrid.press("Look now")
    eventually(lambda: int(_row(site, number)["looks"]) >= looks, within=60, what=f"{looks} looks")


def _rename(ingrid: Person, number: int) -> None:
    ingrid.go(f"/sprawl/disks/{number}/")
    ingrid.sees("It is proven.")
    ingrid.press("Rename and wait…")
    ingrid.fill("Why", "Nobody knows it")
    with ingrid.page.expect_navigation():
        ingrid.page.get_by_role("dialog").get_by_role("button", name="Rename and wait").click()


def _waits(ingrid: Person, number: int, shots: Shots) -> None:
    ingrid.go(f"/sprawl/disks/{number}/")
    ingrid.sees("It will be removed on", "Renamed, waits", "Nobody knows it")
    expect(ingrid.page.get_by_role("button", name="Have it back")).to_be_visible()
    shots.take(ingrid.page, "waits")
    assert ingrid.violations() == []


def _retired(estate: LibvirtEstate, file: str) -> bool:
    """It is there, by its new name and by no other."""
    found = [volume for volume in estate.rig.volumes() if volume.endswith(file)]
    return len(found) == 1 and found[0].startswith("leasehold-retired-")


def _row(site: Site, number: int) -> dict[str, str]:
    row: dict[str, str] = site.rows("SELECT state, looks, name FROM lifecycle_diskfile WHERE id = ?", number)[0]
    return row
