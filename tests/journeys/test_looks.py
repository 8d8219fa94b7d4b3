"""Every page in a real browser: for everybody's eyes and ears, on wide screens and phones, light and dark, quick."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Response

from tests.journeys.browsing import Person
from tests.journeys.site import Site, eventually

pytestmark = [pytest.mark.journey, pytest.mark.pairs("files")]

MOST_REQUESTS, MOST_BYTES = 10, 300_000
WIDE, NARROW = 1440, 360

# Whose page -> addresses; a word in braces stands for the number that a query of NUMBERS finds.
PAGES = {
    "": ["/sign-in/", "/sign-in/?next=/order/"],
    "lena": [
        "/", "/?view=table", "/order/", "/machines/", "/machines/{expiring}/", "/machines/{stopped}/",
        "/machines/{expiring}/extend/", "/machines/{expiring}/give-back/", "/machines/{expiring}/share/",
        "/requests/", "/requests/{refused}/", "/order/?again={refused}",
        "/costs/", "/costs/lines/{line}/", "/notices/", "/account/", "/account/ssh-keys/new/", "/nothing/here/",
        "/findings/", "/views/", "/board/", "/board/{asked}/claim/", "/claims/{claim}/",
    ],
    "tomasz": ["/sprawl/", "/approvals/", "/approvals/{waiting}/", "/requests/{waiting}/", "/statements/",
               "/statements/{month}/"],
    "ingrid": [
        "/sprawl/", "/sprawl/?show=table&period=months", "/findings/", "/findings/?kind=oversized&min=1",
        "/findings/{orphan}/", "/views/", "/machines/?held=managed",
        "/machines/", "/orphans/", "/orphans/{orphan}/", "/sprawl/rules/", "/sprawl/rules/new/", "/sprawl/inventory/",
        "/endpoints/", "/endpoints/1/", "/endpoints/new/",
        "/endpoints/new/?kind=vmware", "/endpoints/new/?kind=kvm",
        "/endpoints/1/change/", "/endpoints/1/mode/", "/operations/", "/operations/?state=ended&kind=restart",
        "/operations/{operation}/", "/operations/{operation}/cancel/", "/operations/{operation}/resolve/",
        "/operations/pause/", "/catalogue/",
        "/catalogue/blueprints/1/", "/catalogue/sizes/new/", "/catalogue/rates/new/", "/audit/", "/demo/mails/",
        "/people/", "/people/new/", "/people/1/", "/people/lists/", "/teams/", "/teams/1/", "/cost-centres/",
        "/cost-centres/1/", "/adoptions/", "/adoptions/new/?q=a", "/adoptions/{list}/", "/board/", "/board/fill/",
        "/claims/", "/claims/{claim}/", "/machines/{stray}/take-back/",
        "/sprawl/disks/", "/sprawl/disks/{disk}/", "/sprawl/disks/{disk}/rename/", "/sprawl/disks/{disk}/day/",
        "/sprawl/storage/", "/sprawl/storage/1/word/",
        "/sprawl/limits/", "/sprawl/exemptions/", "/findings/{orphan}/exempt/",
    ],
}  # fmt: skip
NUMBERS = {
    "expiring": "SELECT id FROM lifecycle_machine WHERE name = 'spark-bench-01'",
    "stopped": "SELECT id FROM lifecycle_machine WHERE name = 'pg-migration-test'",
    "waiting": "SELECT id FROM lifecycle_request WHERE name = 'etl-replay'",
    "refused": "SELECT id FROM lifecycle_request WHERE name = 'graph-trial'",
    "orphan": "SELECT min(id) AS id FROM lifecycle_finding WHERE kind = 'orphan' AND ended_at IS NULL",
    "disk": "SELECT max(id) AS id FROM lifecycle_diskfile WHERE gone_at IS NULL",
    "operation": "SELECT max(id) AS id FROM lifecycle_operation",
    "line": "SELECT max(l.id) AS id FROM lifecycle_line l JOIN lifecycle_machine m ON m.id = l.machine_id"
    " WHERE m.name = 'spark-bench-01'",
    "month": "SELECT c.id || '/' || strftime('%Y', max(l.month)) || '-' || ltrim(strftime('%m', max(l.month)), '0')"
    " AS id FROM lifecycle_line l, lifecycle_costcentre c WHERE c.code = '4120' GROUP BY c.id",
}
NUMBERS |= {
    "stray": "SELECT min(machine_id) AS id FROM lifecycle_adoptionrow WHERE outcome = 'given'",
    "asked": "SELECT max(machine_id) AS id FROM lifecycle_boardplace",
    "claim": "SELECT min(id) AS id FROM lifecycle_claim",
    "list": "SELECT max(id) AS id FROM lifecycle_adoptionlist",
}
ALL = [(who, path) for who, paths in PAGES.items() for path in paths]
NAMES = [f"{who or 'nobody'}{path}" for who, path in ALL]


@pytest.fixture(scope="module")
def people(site: Site, browser: Browser) -> Iterator[dict[str, Person]]:
    """Signed in, all but nobody. One of them has had some work done."""
    site.api("lena", f"machines/{running_now(site)}/restart/", method="POST")
    ask_whose(site)
    found = {who: Person(browser, site, who) for who in PAGES}
    for who, person in found.items():
        if who:
            person.sign_in()
    yield found
    for person in found.values():
        person.leave()


def ask_whose(site: Site) -> None:
    """Two orphans on the board, one of them claimed; one given by a list, and a list that waits with two."""
    rows = site.rows("SELECT machine_id FROM lifecycle_finding WHERE kind = 'orphan' AND ended_at IS NULL")
    strays = [row["machine_id"] for row in rows]
    last_day = str(site.rows("SELECT date('now', '+40 days') AS day")[0]["day"])
    terms = {"purpose": "Kept", "last_day": last_day}
    lena = site.api("lena", "me/")["id"]
    site.api("ingrid", "board/", {"machines": strays[:2]})
    site.api("lena", "claims/", {"machine": strays[0], "reason": "I made it", **terms})
    given = site.api("ingrid", "adoptions/", {"machines": strays[2:3], "holder": lena, **terms})["id"]
    site.api("ingrid", f"adoptions/{given}/apply/", method="POST")
    eventually(lambda: site.rows(NUMBERS["stray"])[0]["id"], within=90, what="a list applied")
    site.api("ingrid", "adoptions/", {"machines": [*strays[1:3], running_now(site)], "holder": lena, **terms})


def running_now(site: Site) -> int:
    return int(site.rows(NUMBERS["expiring"])[0]["id"])


def address(site: Site, path: str) -> str:
    """With today's numbers in it. The month's page has its number and its month in one."""
    numbers = {word: site.rows(question)[0]["id"] for word, question in NUMBERS.items() if f"{{{word}}}" in path}
    return path.format(**numbers)


@pytest.mark.parametrize(("who", "path"), ALL, ids=NAMES)
def test_the_page_is_for_everybody(people: dict[str, Person], who: str, path: str) -> None:
    """No violation that axe knows of, no scrolling to the side, no complaint on the console."""
    person = people[who]
    person.complaints.clear()
    person.go(address(person.site, path))
    found = []
    for width in (WIDE, NARROW):
        person.page.set_viewport_size({"width": width, "height": 900})
        assert too_wide(person) == [], f"at {width}"
        for scheme in ("light", "dark"):
            person.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found += [f"{width} {scheme}: {words}" for words in person.violations()]
    assert found == []
    if path != "/nothing/here/":  # there the browser itself reports the status
        person.is_content()


def too_wide(person: Person) -> list[str]:
    """What makes the page wider than its window, if it is."""
    script = """() => {
        const room = document.documentElement.clientWidth;
        if (document.documentElement.scrollWidth <= room) return [];
        return [...document.body.querySelectorAll('*')].filter(one => one.getBoundingClientRect().right > room)
            .map(one => one.outerHTML.slice(0, 90)).slice(0, 5);
    }"""
    found: list[str] = person.page.evaluate(script)
    return found


@pytest.mark.parametrize(("who", "path"), ALL, ids=NAMES)
def test_the_page_is_light_when_nothing_of_it_is_known(
    people: dict[str, Person], browser: Browser, who: str, path: str
) -> None:
    """A cold browser needs few requests and bytes for it, and asks nobody else."""
    person = people[who]
    cold = browser.new_context(storage_state=person.context.storage_state())
    answers: list[Response] = []
    cold.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - it asks for a Python function

    page = cold.new_page()
    page.goto(person.site.url + address(person.site, path), wait_until="networkidle")

    weights = {answer.url: weight(answer) for answer in answers}
    cold.close()
    assert len(answers) <= MOST_REQUESTS, weights
    assert sum(weights.values()) <= MOST_BYTES, weights
    assert [url for url in weights if not url.startswith(person.site.url)] == []


def weight(answer: Response) -> int:
    sizes = answer.request.sizes()
    return sizes["responseBodySize"] + sizes["responseHeadersSize"]
