"""The overview: its numbers are those of its rows, each leads to them, and each sees their own."""

from __future__ import annotations

import re
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.utils import timezone

from lifecycle import clock
from lifecycle.audit.actions import record
from lifecycle.estate.models import Endpoint, Scan
from lifecycle.sprawl.models import Confidence, Finding, Kind, WasteDay
from tests.lifecycle.factories import make_endpoint, make_finding, make_image, make_machine
from tests.lifecycle.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    """What another test had counted is not this one's."""
    cache.clear()


@pytest.fixture
def admin(client: Client, world: World) -> Client:
    client.force_login(world.admin)
    return client


@pytest.fixture
def estate(world: World) -> None:
    """Findings of several kinds, places, people and ages."""
    lab, now = make_endpoint("Lab", scans=1), clock.now()
    held = make_machine("lena-s", holder=world.owner, endpoint=world.endpoint)
    make_finding(held, Kind.IDLE, saves_cents=4000, vcpus=2, memory_mib=4096, since=now - timedelta(days=20))
    make_finding(held, Kind.NO_END, saves_cents=900, counts=False, since=now - timedelta(days=400))
    for number in range(3):
        stray = make_machine(f"stray-{number}", endpoint=lab)
        make_finding(stray, Kind.ORPHAN, saves_cents=1000, disk_mib=2048, since=now - timedelta(days=3))
    team = make_machine("team-s", team=world.stranger.team, endpoint=lab)
    make_finding(team, Kind.SNAPSHOTS, saves_cents=50, disk_mib=512, confidence=Confidence.LIKELY)
    make_finding(image=make_image(lab, name="old"), kind=Kind.IMAGE, saves_cents=10, disk_mib=100)


def waste(endpoint: Endpoint, day: date, **fields: Any) -> WasteDay:
    amounts = {"findings": 1, "saves_cents": 0, "vcpus": 0, "memory_mib": 0, "disk_mib": 0} | fields
    amounts.setdefault("kind", Kind.IDLE)
    return WasteDay.objects.create(endpoint=endpoint, day=day, **amounts)


def test_each_breakdown_adds_up_to_the_strip(admin: Client, estate: None) -> None:
    found = admin.get("/sprawl/").context["page"].found

    assert (found.all.findings, found.all.saves_cents) == (7, 4000 + 3000 + 50 + 10)
    for rows in (found.by_kind, found.by_team, found.by_age, found.by_endpoint):
        assert sum(rows.values(), type(found.all)()) == found.all
    assert list(found.by_kind) == ["idle", "orphan", "snapshots", "image", "no_end"]


def test_every_number_leads_to_exactly_its_rows(admin: Client, estate: None) -> None:
    page = admin.get("/sprawl/").context["page"]
    rows = [*page.kinds, *page.teams, *page.ages, *page.places]

    assert len(rows) >= 12
    for row in rows:
        listed = admin.get(row.url)
        assert listed.context["totals"] == row.totals, row.url
        assert len(listed.context["rows"]) == row.totals.findings, row.url


@pytest.mark.parametrize("filters", [{}, {"team": "nobody"}, {"endpoint": "lab"}, {"team": "own"}])
def test_filters_hold_for_all_numbers_and_their_links(
    admin: Client, world: World, estate: None, filters: dict[str, str]
) -> None:
    known = {"lab": str(Endpoint.objects.get(name="Lab").pk), "own": str(world.owner.team_id)}
    asked = {name: known.get(value, value) for name, value in filters.items()}

    page = admin.get("/sprawl/", asked).context["page"]

    for row in [*page.kinds, *page.teams, *page.ages]:
        assert admin.get(row.url).context["totals"] == row.totals, row.url
    assert admin.get(page.all_url).context["totals"] == page.found.all
    for url, number in ((page.machines_url, page.machines.all), (page.held_url, page.machines.held)):
        assert admin.get(url).context["page"].count == number, url


def test_managed_by_others_is_a_class_of_its_own(admin: Client, world: World) -> None:
    make_machine("agent-1", managed_by="Cluster services")
    make_machine("agent-2", managed_rule="Kubernetes nodes")

    answer = admin.get("/sprawl/")
    page = answer.context["page"]

    assert page.machines.managed == 2
    assert "2 machines are managed by others and never flagged" in answer.content.decode()
    assert {row.machine.name for row in admin.get(page.managed_url).context["rows"]} == {"agent-1", "agent-2"}


def test_who_supervises_sees_their_line_and_nobody_else_the_page(client: Client, world: World, estate: None) -> None:
    client.force_login(world.approver)
    answer = client.get("/sprawl/")
    page = answer.context["page"]

    assert (page.found.all.findings, page.machines.all, page.trend) == (2, 1, None)
    assert b"stray" not in answer.content and b"Lab" not in answer.content
    for person in (world.owner, world.stranger):
        client.force_login(person)
        assert client.get("/sprawl/").status_code == 403


def test_a_day_alone_is_no_trend(admin: Client, world: World) -> None:
    waste(world.endpoint, clock.now().date(), saves_cents=100)

    page = admin.get("/sprawl/").content.decode()

    assert "Only one day is known so far." in page and "layer-1" not in page


def test_without_a_day_it_says_so(admin: Client, world: World) -> None:
    assert "The trend begins tomorrow." in admin.get("/sprawl/").content.decode()


def test_the_trend_is_drawn_and_stands_in_a_table(admin: Client, world: World) -> None:
    today = clock.now().date()
    for days in range(10):
        waste(world.endpoint, today - timedelta(days=days), saves_cents=1000 * days, kind=Kind.ORPHAN)
        waste(world.endpoint, today - timedelta(days=days), saves_cents=500, kind=Kind.PAST_END)
    waste(world.endpoint, today - timedelta(days=200), saves_cents=1)

    page = admin.get("/sprawl/")
    chart = page.context["page"].trend.chart

    assert len(chart.days) == 10
    assert [series.values[-1] for series in chart.series] == [0, 0, 0, 0, 500]
    assert chart.sums[0] == 9500
    assert "layer-5" in page.content.decode()
    table = admin.get("/sprawl/", {"show": "table"}).content.decode()
    assert "€95" in table and "layer-5" not in table


def test_twelve_months_are_their_last_known_days(admin: Client, world: World) -> None:
    today = clock.now().date()
    first = today.replace(day=1)
    ends = [first - timedelta(days=1), (first - timedelta(days=1)).replace(day=1) - timedelta(days=1)]
    for number, day in enumerate([today, *ends, ends[0] - timedelta(days=3)]):
        waste(world.endpoint, day, vcpus=number)

    trend = admin.get("/sprawl/", {"period": "months", "measure": "vcpu"}).context["page"].trend

    assert trend.days == sorted([today, *ends])


def test_fewer_than_at_the_end_of_last_month(admin: Client, world: World) -> None:
    waste(world.endpoint, clock.now().date().replace(day=1) - timedelta(days=1), findings=5)
    make_finding()

    assert "4 fewer" in re.sub(r"\s+", " ", admin.get("/sprawl/").content.decode())


def test_how_fresh_it_is(admin: Client, world: World) -> None:
    Endpoint.objects.update(scanned_at=timezone.now() - timedelta(minutes=38))
    make_endpoint("Silent", scanned_at=timezone.now() - timedelta(days=9), failing_since=timezone.now())

    page = re.sub(r"\s+", " ", admin.get("/sprawl/").content.decode())

    assert "1 of 2 endpoints scanned completely, the oldest 38 minutes ago" in page


def test_first_use(client: Client, world: World) -> None:
    client.force_login(world.admin)
    Endpoint.objects.update(scans=0)

    assert "No endpoint was read completely yet" in client.get("/sprawl/").content.decode()

    now = timezone.now()
    look = Scan.objects.create(
        endpoint=world.endpoint, mode=Scan.Mode.FULL, began_at=now, beat_at=now, total=5000, written=1200
    )
    page = client.get("/sprawl/").content.decode()
    assert "The first look is under way" in page and "1,200 of 5,000 machines" in page
    assert "1,200 of 5,000" in client.get("/sprawl/live/", headers={"HX-Request": "true"}).content.decode()

    Scan.objects.filter(pk=look.pk).update(state=Scan.State.COMPLETE)
    assert client.get("/sprawl/live/", headers={"HX-Request": "true"})["HX-Refresh"] == "true"


def test_what_was_counted_is_kept_until_somebody_acts_or_something_is_found(admin: Client, world: World) -> None:
    def shown() -> int:
        return int(admin.get("/sprawl/").context["page"].found.all.saves_cents)

    finding = make_finding(saves_cents=100)
    assert shown() == 100

    Finding.objects.update(saves_cents=200)
    assert shown() == 100
    assert "Counted on" in admin.get("/sprawl/").content.decode()
    with transaction.atomic():
        record("machine.exempted", finding.on_machine, by=world.admin)
    assert shown() == 200
    make_finding(saves_cents=50)
    assert shown() == 250
    Finding.objects.update(ended_at=clock.now())
    clock.move_to(clock.now() + timedelta(seconds=61))
    assert shown() == 0


def test_hostile_names(admin: Client) -> None:
    make_finding(make_machine(endpoint=make_endpoint("<b>Lab</b>")), Kind.IDLE)

    page = admin.get("/sprawl/").content.decode()

    assert "<b>Lab" not in page and "<b>Lab</b>" in unescape(page)
