"""Saying from a finding's page that it is none, the list of what was said, and ending it."""

import pytest

from lifecycle.sprawl.models import Exemption, Finding, Kind
from tests.lifecycle.factories import make_machine, make_pool
from tests.lifecycle.sprawl.found import finding_of, found


@pytest.fixture
def finding(client, world):
    machine = make_machine("stray", endpoint=world.endpoint, pool=world.blueprint.pool)
    found(Kind.ORPHAN)
    client.force_login(world.admin)
    return finding_of(machine, Kind.ORPHAN)


def _given(world, **changes):
    return {"scope": "kind", "reason": "A spare", "ends_on": world.day(30).isoformat()} | changes


@pytest.mark.parametrize(
    ("scope", "expected"), [("kind", ("machine", "orphan")), ("every", ("machine", "")), ("pool", ("pool", "orphan"))]
)
def test_a_finding_is_exempt_by_kind_altogether_or_with_its_pool(client, world, finding, scope, expected):
    answer = client.post(f"/findings/{finding.pk}/exempt/", _given(world, scope=scope))

    assert answer["Location"] == f"/findings/{finding.pk}/"
    exemption = Exemption.objects.get()
    assert ("pool" if exemption.pool_id else "machine", exemption.kind) == expected
    assert not Finding.objects.standing().filter(pk=finding.pk).exists()


def test_what_is_wrong_stands_at_its_field_and_nothing_is_exempt(client, world, finding):
    for changes in ({"reason": ""}, {"ends_on": world.day(-1).isoformat()}, {"scope": "house"}):
        answer = client.post(f"/findings/{finding.pk}/exempt/", _given(world, **changes))
        assert (answer.status_code, list(answer.context["form"].errors)) == (422, list(changes))
    assert not Exemption.objects.exists()


def test_twice_or_too_late_is_a_conflict(client, world, finding):
    client.post(f"/findings/{finding.pk}/exempt/", _given(world))
    assert client.post(f"/findings/{finding.pk}/exempt/", _given(world)).status_code == 409
    Finding.objects.update(ended_at=finding.found_at)
    assert client.get(f"/findings/{finding.pk}/exempt/").status_code == 409
    assert Exemption.objects.count() == 1


def test_nobody_exempts_what_they_hold(client, world, finding):
    finding.on_machine.holder = world.admin
    finding.on_machine.save()
    assert client.post(f"/findings/{finding.pk}/exempt/", _given(world)).status_code == 403


def test_the_list_says_why_until_when_and_how_much_it_hides(client, world, finding):
    client.post(f"/findings/{finding.pk}/exempt/", _given(world, scope="pool", reason="<b>Cold</b> spares"))

    page = client.get("/sprawl/exemptions/")

    assert [each.hides for each in page.context["page"].rows] == [1]
    assert "&lt;b&gt;Cold&lt;/b&gt; spares" in page.content.decode()


def test_an_exemption_is_ended_once(client, world, finding):
    client.post(f"/findings/{finding.pk}/exempt/", _given(world))
    path = f"/sprawl/exemptions/{Exemption.objects.get().pk}/end/"

    assert client.post(path).status_code == 302
    assert client.post(path).status_code == 409
    assert Finding.objects.standing().filter(pk=finding.pk).exists()
    assert client.get("/sprawl/exemptions/").context["page"].rows == []


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_asks_the_same_number_of_questions(client, world, finding, count, django_assert_num_queries):
    for number in range(count):
        machine = make_machine(f"other {number}", pool=make_pool())
        found(Kind.ORPHAN)
        client.post(f"/findings/{finding_of(machine, Kind.ORPHAN).pk}/exempt/", _given(world, scope="pool"))
    client.get("/sprawl/exemptions/")  # the toast is gone afterwards

    with django_assert_num_queries(10):
        assert len(client.get("/sprawl/exemptions/").context["page"].rows) == count
