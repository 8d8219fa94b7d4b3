"""The job that the portal is for, stage by stage: ordered, approved, built, used, charged, ended, gone."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta

from playwright.sync_api import Browser, Locator, expect

from tests.journeys import people
from tests.journeys.browsing import Person, Shots
from tests.journeys.estates import Estate, Vm, vm_of
from tests.journeys.people import PURPOSE
from tests.journeys.site import Site, eventually

METERS = ["disk_mib", "memory_mib", "vcpu"]


class Job:
    def __init__(self, site: Site, estate: Estate, browser: Browser, shots: Shots, *, name: str) -> None:
        self.site, self.estate, self.shots, self.name = site, estate, shots, name
        self.lena = Person(browser, site, "lena")
        self.tomasz = Person(browser, site, "tomasz")
        self.stray = estate.stray()
        self.request = self.machine = 0
        self.uuid = ""

    def shot(self, person: Person, words: str) -> None:
        self.shots.take(person.page, words)
        assert person.violations() == []
        person.is_content()

    def vm(self) -> Vm | None:
        return vm_of(self.estate, self.uuid)

    def is_on(self) -> bool:
        vm = self.vm()
        return vm is not None and vm.on

    def order(self) -> None:
        """At most 4 pages, 5 clicks and 6 fields, sign-in's fields and click counted."""
        with self.lena.counted() as steps:
            self.lena.sign_in()
            steps.loads -= 1  # the sign-in page itself
            last_day = people.today(self.site) + timedelta(days=20)
            self.request = people.order(self.lena, self.estate, self.name, last_day=last_day)
        assert steps.loads <= 4 and steps.clicks <= 5 and steps.fields <= 6, steps
        self.lena.sees(self.estate.blueprint, self.estate.size, PURPOSE, "Waits for Tomasz Wieczorek")
        self.shot(self.lena, "asked-for")

    def approve(self) -> None:
        """The same price as the order's; one click opens, one decides."""
        asked = people.prices(self.lena.text("aside"))
        self.tomasz.sign_in(to="/approvals/")
        with self.tomasz.counted() as steps:
            self.tomasz.click(self.tomasz.page.get_by_role("link", name=f"New machine {self.name}"))
            self.tomasz.sees(self.name, PURPOSE)
            assert set(asked) <= set(people.prices(self.tomasz.text(".inbox-detail")))
            self.shot(self.tomasz, "inbox")
            self.tomasz.fill("Your words to Lena Brandt, needed to refuse", "Fine, until the model is done.")
            self.tomasz.press("Approve, ")
        assert steps.clicks <= 2, steps
        self.tomasz.page.wait_for_url("**/approvals/")
        self.tomasz.is_content()

    def watch_it_being_built(self) -> None:
        """The requester's page follows by itself; the hypervisor has the machine once, with its holder on it."""
        loads = self.lena.steps.loads
        row = people.machine_of(self.site, self.request)
        self.machine, self.uuid = row["id"], people.uuid_of(row)
        if self.estate.copies_slowly:
            eventually(lambda: self.estate.copying(self.uuid), every=0.02, what="the copy to be under way")
            self.lena.sees("Approved by Tomasz Wieczorek", "Fine, until the model is done.", "copying the disk")
            self.shot(self.lena, "being-built")
        self.lena.sees("Handed over to Lena Brandt", within=60)
        assert self.lena.steps.loads == loads, "the page was loaded anew"
        assert people.open_spans(self.site, self.machine) == METERS
        assert [vm for vm in self.estate.machines() if vm.name == self.name] == [self.vm()]

    def look_at_it(self, end: date) -> None:
        self.lena.press(f"Open {self.name}")
        self.lena.page.wait_for_url(f"**/machines/{self.machine}/")
        row = people.machine_of(self.site, self.request)
        self.lena.sees("Running", f"{row['vcpus']} vCPU", "Stops on", "so far", self.uuid, "4120", PURPOSE)
        self.lena.sees(*json.loads(row["addresses"]))
        self.shot(self.lena, "machine")
        vm = self.vm()
        assert vm is not None and vm.on and vm.stamp
        for word in ("Lena Brandt", PURPOSE, end.isoformat(), f"/machines/{self.machine}/"):
            assert word in vm.words, vm.words

    def stop_and_start(self) -> None:
        """Off it is charged for its disks only."""
        self.power("Shut down", "Off")
        assert not self.is_on()
        assert people.open_spans(self.site, self.machine) == ["disk_mib"]
        self.power("Start", "Running")
        assert self.is_on()
        assert people.open_spans(self.site, self.machine) == METERS

    def power(self, words: str, becomes: str) -> None:
        self.lena.press_in_menu("Power", words)
        expect(self.lena.page.locator("#machine-state")).to_contain_text(becomes, timeout=60_000)

    def charges(self) -> None:
        """Employee and owner of the cost centre read the same amount for the same machine."""
        people.skip(self.lena, "in a week")
        self.lena.go("/costs/")
        mine = self.amount(self.lena)
        self.shot(self.lena, "costs")
        self.tomasz.go("/statements/")
        month = people.today(self.site).strftime("%B %Y")
        self.tomasz.click(self.tomasz.page.get_by_role("link", name=month))
        theirs = self.amount(self.tomasz)
        self.shot(self.tomasz, "statement")
        assert mine == theirs != 0
        assert mine in self.cents_by_month()

    def amount(self, person: Person) -> int:
        row = person.page.locator("tr.group").filter(has=person.page.get_by_role("rowheader", name=self.name))
        return people.prices(row.inner_text())[0]

    def cents_by_month(self) -> list[int]:
        rows = self.site.rows(
            "SELECT sum(cents) AS cents FROM lifecycle_line WHERE machine_id = ? GROUP BY month ORDER BY month",
            self.machine,
        )
        return [row["cents"] for row in rows]

    def is_warned(self) -> None:
        """By mail, in the notices, on the home page and on the machine's."""
        assert self.mails(f"{self.name} stops on")
        self.lena.go("/notices/")
        self.lena.sees(f"{self.name} stops on")
        self.lena.go("/")
        expect(self.needs()).to_contain_text(self.name)
        self.lena.go(f"/machines/{self.machine}/")
        self.lena.sees("Expiring")
        self.shot(self.lena, "warned")

    def needs(self) -> Locator:
        return self.lena.page.get_by_role("region", name="Needs you")

    def mails(self, subject: str) -> list[str]:
        to = "To: lbrandt@nordhafen.example"
        return [mail for mail in self.site.mails() if f"Subject: {subject}" in mail and to in mail]

    def extend(self, last_day: date) -> None:
        """Beyond the cap it is refused beside the field; within it nobody is asked."""
        self.lena.press("Extend…")
        self.lena.fill("New last day", (last_day + timedelta(days=600)).isoformat())
        self.lena.click(self.lena.page.get_by_role("button", name="Extend", exact=True))
        self.lena.sees("Too far.")
        self.lena.complaints.clear()  # the browser itself reports the refusal's status
        self.lena.fill("New last day", last_day.isoformat())
        self.lena.click(self.lena.page.get_by_role("button", name="Extend", exact=True))
        self.lena.page.wait_for_url(f"**/machines/{self.machine}/")
        self.lena.sees("Stops on", f"{last_day.day} {last_day:%B}")
        self.shot(self.lena, "extended")
        eventually(lambda: last_day.isoformat() in (self.vm() or self.nothing()).words, what="the new end on the VM")

    @staticmethod
    def nothing() -> Vm:
        return Vm("", "", False, "", "", frozenset())

    def ends_and_is_restored(self) -> None:
        """On its date it is shut down and kept; one press brings it back for a short while."""
        people.skip(self.lena, "in a month")
        assert self.mails(f"{self.name} is stopped")
        vm = self.vm()
        assert vm is not None and not vm.on and vm.disks
        assert people.open_spans(self.site, self.machine) == ["disk_mib"]
        self.lena.go(f"/machines/{self.machine}/")
        self.lena.sees("Quarantined", "Stopped. Removed with its disks on")
        self.shot(self.lena, "quarantined")
        self.lena.press(re.compile(r"Restore for \d+ days"))
        self.lena.sees("Stops on")
        expect(self.lena.page.locator("#machine-state")).to_contain_text("Running", timeout=60_000)
        self.shot(self.lena, "restored")
        assert self.is_on()
        assert people.open_spans(self.site, self.machine) == METERS

    def is_removed_at_last(self) -> None:
        """Machine and disks are gone from the hypervisor, and the charge stands still."""
        people.skip(self.lena, "in a month")
        assert self.mails(f"{self.name} was removed with its disks")
        assert self.vm() is None
        assert self.estate.stray() == self.stray
        assert people.open_spans(self.site, self.machine) == []
        assert not self.site.rows(
            "SELECT 1 FROM lifecycle_tenure WHERE machine_id = ? AND ended_at IS NULL", self.machine
        )
        self.lena.go(f"/machines/{self.machine}/")
        self.lena.sees("Removed with its disks on", "Its history and its costs are kept.")
        self.shot(self.lena, "removed")
        charged = self.cents_by_month()
        people.skip(self.lena, "in a day")
        assert self.cents_by_month() == charged != []

    def leave(self) -> None:
        self.lena.leave()
        self.tomasz.leave()


def do(site: Site, estate: Estate, browser: Browser, shots: Shots, *, name: str) -> None:
    """All of it, from the order to the last second of the charge."""
    job = Job(site, estate, browser, shots, name=name)
    begun = people.today(site)
    try:
        job.order()
        job.approve()
        job.watch_it_being_built()
        job.look_at_it(end=begun + timedelta(days=20))
        job.stop_and_start()
        job.charges()
        job.is_warned()
        job.extend(begun + timedelta(days=30))
        job.ends_and_is_restored()
        job.is_removed_at_last()
    except BaseException:
        shots.take(job.lena.page, "lena-at-the-failure")
        shots.take(job.tomasz.page, "tomasz-at-the-failure")
        raise
    finally:
        job.leave()
