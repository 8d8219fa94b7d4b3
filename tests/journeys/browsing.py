"""People in front of a browser: what they do is counted, what the page complains about is kept."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from tests.journeys.site import Site

CHROMIUM = "/usr/bin/chromium"
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SLOW = 30_000
"""Milliseconds that a page may take on a busy machine."""


class Shots:
    """Pictures of the stages in the folder JOURNEY_SHOTS, for people to look at; none without it."""

    def __init__(self, journey: str) -> None:
        self.folder = os.environ.get("JOURNEY_SHOTS", "")
        self.journey = journey
        self.count = 0

    def take(self, page: Page, name: str) -> None:
        self.count += 1
        if self.folder:
            path = Path(self.folder) / f"{self.journey}-{self.count:02}-{name}.png"
            page.screenshot(path=path, full_page=True)


@dataclass
class Steps:
    """What a way through the pages cost whoever went it."""

    loads: int = 0
    clicks: int = 0
    fields: int = 0


class Person:
    """Somebody with a browser of their own."""

    def __init__(self, browser: Browser, site: Site, name: str, *, width: int = 1440, dark: bool = False) -> None:
        self.site, self.name = site, name
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            locale="en-GB",
            timezone_id="Europe/Berlin",
        )
        self.context.set_default_timeout(SLOW)
        self.steps = Steps()
        self.complaints: list[str] = []
        self.page = self.context.new_page()
        self.page.on("domcontentloaded", lambda _: self._loaded())
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))

    def _loaded(self) -> None:
        self.steps.loads += 1

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")

    @contextmanager
    def counted(self) -> Iterator[Steps]:
        before, self.steps = self.steps, Steps()
        yield self.steps
        self.steps = before

    def go(self, path: str) -> None:
        self.page.goto(self.site.url + path)

    def click(self, what: Locator) -> None:
        self.steps.clicks += 1
        what.click()

    def fill(self, label: str, text: str) -> None:
        self.steps.fields += 1
        self.field(label).fill(text)

    def field(self, label: str) -> Locator:
        """Found by its label, with or without the word that it may be left out."""
        return self.page.get_by_label(re.compile(rf"^\s*{re.escape(label)}(\s+optional)?\s*$"))

    def press_in_menu(self, menu: str, words: str) -> None:
        """Opens a menu and presses what it holds."""
        self.page.locator("summary", has_text=menu).click()
        self.press(words)

    def press(self, words: str | re.Pattern[str]) -> None:
        """The button or link of that name."""
        named = self.page.get_by_role("button", name=words).or_(self.page.get_by_role("link", name=words))
        self.click(named.first)

    def sign_in(self, *, to: str = "/") -> None:
        self.go(f"/sign-in/?next={to}")
        self.fill("Name or mail address", self.name)
        self.fill("Password", self.site.password)
        self.press("Sign in")
        self.page.wait_for_url(self.site.url + to)

    def sees(self, *words: str, within: float = 30) -> None:
        """All these words stand somewhere on the page, now or soon."""
        for each in words:
            expect(self.page.locator("main")).to_contain_text(each, timeout=within * 1000)

    def text(self, selector: str = "main") -> str:
        return self.page.locator(selector).inner_text()

    def is_content(self) -> None:
        """No script error, no refused style or script, nothing missing."""
        assert self.complaints == []

    def violations(self) -> list[str]:
        """What axe knows to be in somebody's way on the page as it is."""
        answer = Axe().run(self.page).response
        assert len(answer["passes"]) > 10, "axe saw no page"
        return [
            f"{rule['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
            for rule in answer["violations"]
            for node in rule["nodes"]
        ]

    def leave(self) -> None:
        self.context.close()
