"""The list of findings, one of them, and whom they show to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from lifecycle import clock
from lifecycle.estate.models import Snapshot
from lifecycle.sprawl.models import Confidence, Exemption, Finding, HolderCandidate, Kind
from tests.lifecycle.factories import make_endpoint, make_finding, make_image, make_machine, make_pool
from tests.lifecycle.world import World


@pytest.fixture
def admin(client: Client, world: World) -> Client:
    client.force_login(world.admin)
    return client


def names(answer: Any) -> list[str]:
    return [row.name for row in answer.context["rows"]]


def found(name: str, kind: Kind = Kind.IDLE, cents: int = 1000, **fields: Any) -> Finding:
    of_machine = {key: fields.pop(key) for key in ("holder", "team", "endpoint", "pool") if key in fields}
    return make_finding(make_machine(name, **of_machine), kind, cents_per_month=cents, saves_cents=cents, **fields)


def exempt(finding: Finding, world: World) -> None:
    now = clock.now()
    finding.exemption = Exemption.objects.create(
        machine=finding.machine, reason="Test bench", by=world.admin, at=now, ends_at=now + timedelta(days=30)
    )
    finding.save()


def test_the_dearest_come_first_and_the_totals_are_those_of_the_rows(admin: Client) -> None:
    found("small", cents=100)
    found("large", cents=5000, vcpus=4, memory_mib=8192, disk_mib=1024)
    found("twice", cents=700, counts=False)

    answer = admin.get("/findings/")

    assert names(answer) == ["large", "twice", "small"]
    totals = answer.context["totals"]
    assert (totals.findings, totals.counted, totals.saves_cents, totals.vcpus) == (3, 2, 5100, 4)
    assert "counted elsewhere" in answer.content.decode()


@pytest.mark.parametrize(
    ("order", "expected"),
    [("cost", ["dear", "old", "gives"]), ("savings", ["gives", "dear", "old"]), ("since", ["old", "dear", "gives"])],
)
def test_orders(admin: Client, order: str, expected: list[str]) -> None:
    now = clock.now()
    for name, cents, saves, days in (("dear", 900, 20, 20), ("old", 500, 10, 400), ("gives", 100, 90, 2)):
        finding = found(name, cents=cents, since=now - timedelta(days=days))
        Finding.objects.filter(pk=finding.pk).update(saves_cents=saves)

    assert names(admin.get("/findings/", {"sort": order})) == expected


def test_each_filter_narrows_rows_and_totals_alike(admin: Client, world: World) -> None:
    lab = make_endpoint("Lab")
    pool = make_pool(lab, name="Rack 4")
    found("everything-else", cents=100)
    one = found(
        "wanted", Kind.OVERSIZED, cents=9000, endpoint=lab, pool=pool, holder=world.owner,
        confidence=Confidence.LIKELY, since=clock.now() - timedelta(days=50),
    )  # fmt: skip
    asked: list[dict[str, Any]] = [
        {"kind": "oversized"}, {"endpoint": lab.pk}, {"endpoint": lab.pk, "pool": pool.pk},
        {"team": world.owner.team_id}, {"holder": "lena"}, {"confidence": 2}, {"age": "quarter"}, {"min": "90"},
        {"q": "want"},
    ]  # fmt: skip

    for filters in asked:
        answer = admin.get("/findings/", filters)
        assert names(answer) == ["wanted"], filters
        assert answer.context["totals"].saves_cents == one.saves_cents
        assert len(answer.context["chips"]) == len(filters)


def test_nobody_s_are_machines_without_a_team_and_things_that_are_no_machines(admin: Client, world: World) -> None:
    found("lena-s", holder=world.owner)
    found("nobody-s")
    make_finding(image=make_image(name="old-image"), kind=Kind.IMAGE)

    assert sorted(names(admin.get("/findings/", {"team": "nobody"}))) == ["nobody-s", "old-image"]


def test_exempt_ones_are_shown_when_asked_for(admin: Client, world: World) -> None:
    exempt(found("known", cents=10), world)
    found("open")

    assert names(admin.get("/findings/")) == ["open"]
    assert names(admin.get("/findings/", {"exempt": "with"})) == ["open", "known"]
    assert names(admin.get("/findings/", {"exempt": "only"})) == ["known"]


def test_what_ended_is_not_listed_but_has_its_page(admin: Client) -> None:
    ended = found("was-idle", ended_at=clock.now())

    assert names(admin.get("/findings/")) == []
    assert "Ended" in admin.get(f"/findings/{ended.pk}/").content.decode()


@pytest.mark.parametrize("asked", [{"kind": "nonsense"}, {"endpoint": "x"}, {"min": "much"}, {"holder": "nobody-here"}])
def test_a_filter_that_cannot_be_read_says_so(admin: Client, asked: dict[str, str]) -> None:
    found("one")

    answer = admin.get("/findings/", asked)

    assert answer.status_code == 200
    assert answer.context["form"].errors or names(answer) == []


def test_pages_follow_each_other_where_many_cost_the_same(admin: Client) -> None:
    expected = [found(f"vm-{number}", cents=500).pk for number in range(120)]

    seen, position = [], ""
    while True:
        page = admin.get("/findings/", {"page": position} if position else {}).context["page"]
        seen += [finding.pk for finding in page.rows]
        if not (position := page.next):
            break

    assert seen == expected[::-1]


def test_a_made_up_position_is_refused(admin: Client) -> None:
    assert admin.get("/findings/", {"page": "made-up"}).status_code == 422


def test_everybody_sees_the_findings_of_machines_that_they_see(client: Client, world: World) -> None:
    found("orphan-secret", Kind.ORPHAN)
    own = found("lena-s", holder=world.owner)
    seen = {}
    for person in (world.owner, world.teammate, world.stranger, world.approver, world.admin):
        client.force_login(person)
        seen[person.username] = (names(client.get("/findings/")), client.get(f"/findings/{own.pk}/").status_code)

    assert seen == {
        "lena": (["lena-s"], 200),
        "piotr": ([], 404),
        "jonas": ([], 404),
        "tomasz": (["lena-s"], 200),
        "ingrid": (["lena-s", "orphan-secret"], 200),
    }


def test_filters_cannot_reach_beyond_what_one_sees(client: Client, world: World) -> None:
    found("orphan-secret", Kind.ORPHAN)
    client.force_login(world.stranger)

    for asked in ({"q": "secret"}, {"kind": "orphan"}, {"team": "nobody"}, {"exempt": "with"}):
        assert b"orphan-secret" not in client.get("/findings/", asked).content


def test_orphans_name_the_likeliest_holder(admin: Client, world: World) -> None:
    orphan = found("stray", Kind.ORPHAN)
    for person, score in ((world.teammate, 20), (world.owner, 80)):
        HolderCandidate.objects.create(machine=orphan.on_machine, person=person, score=score)

    page = admin.get("/findings/", {"kind": "orphan"}).content.decode()

    assert "lena" in page and "80 of 100" in page and "piotr" not in page


def test_oversized_say_now_and_recommended_and_snapshots_their_number(admin: Client) -> None:
    big = make_finding(make_machine("big", vcpus=8, memory_mib=16384), Kind.OVERSIZED, vcpus=6, memory_mib=12288)
    snapped = found("snapped", Kind.SNAPSHOTS)
    for number in range(3):
        Snapshot.objects.create(machine=snapped.on_machine, ref=f"s{number}", name="before", first_seen_at=clock.now())

    (row,) = admin.get("/findings/", {"kind": "oversized"}).context["rows"]
    assert (row.finding, row.recommended) == (big, (2, 4096))
    (row,) = admin.get("/findings/", {"kind": "snapshots"}).context["rows"]
    assert row.snapshots.count == 3


def test_one_finding_says_why_what_it_costs_and_what_can_be_done(client: Client, world: World) -> None:
    machine = world.machine("churn-scoring")
    evidence = [{"what": "created_by", "value": "<b>root</b>"}]
    finding = make_finding(machine, Kind.IDLE, cents_per_month=4711, saves_cents=4711, evidence=evidence)
    beside = make_finding(machine, Kind.NO_END)
    client.force_login(world.owner)

    page = client.get(f"/findings/{finding.pk}/").content.decode()

    assert "€47.11" in page and "&lt;b&gt;root" in page and "<b>root" not in page
    assert f"/machines/{machine.pk}/give-back/" in page
    assert f"/findings/{beside.pk}/" in page


def test_an_orphan_s_page_leads_to_giving_it_a_holder(admin: Client) -> None:
    orphan = found("stray", Kind.ORPHAN)

    assert f"/orphans/{orphan.pk}/" in admin.get(f"/findings/{orphan.pk}/").content.decode()


def test_names_and_reasons_are_hostile_text(admin: Client, world: World) -> None:
    finding = found("<img src=x onerror=alert(1)>")
    exempt(finding, world)
    Exemption.objects.update(reason="<script>alert(2)</script>")

    for path in ("/findings/?exempt=with", f"/findings/{finding.pk}/"):
        page = admin.get(path).content.decode()
        assert "<img src=x" not in page and "<script>alert" not in page


def test_without_filters_nothing_is_wrong(admin: Client) -> None:
    answer = admin.get("/findings/")

    assert not answer.context["form"].errors
    assert answer.context["chips"] == []


def test_a_machine_s_page_says_what_was_found_about_it(client: Client, world: World) -> None:
    machine = world.machine("churn-scoring")
    finding = make_finding(machine, Kind.IDLE, saves_cents=4711)
    make_finding(machine, Kind.OVERSIZED, ended_at=clock.now())
    client.force_login(world.owner)

    page = client.get(f"/machines/{machine.pk}/").content.decode()

    assert f"/findings/{finding.pk}/" in page and "€47.11 per month to be had back" in page
    assert "Oversized" not in page
