"""The orphan report: for administrators, dearest first, evidence as text, and a holder assigned in the page."""

import pytest

from lifecycle.estate.models import Machine, Stage
from lifecycle.sprawl.actions import scan
from lifecycle.sprawl.models import Finding
from tests.lifecycle.factories import make_endpoint, make_machine


def _orphan(world, name, **fields):
    machine = make_machine(name, endpoint=fields.pop("endpoint", world.endpoint), **fields)
    scan()
    return Finding.objects.get(machine=machine, ended_at=None)


def _form(world, **changes):
    return {"holder": "lena", "purpose": "Build farm", "last_day": world.day(30).isoformat()} | changes


def test_the_report_says_how_many_and_what_they_cost_dearest_first(client, world):
    _orphan(world, "small-one", vcpus=1)
    _orphan(world, "large-one", vcpus=16)
    client.force_login(world.admin)

    page = client.get("/orphans/").content.decode()

    assert "2 machines run on a hypervisor and nobody holds them." in page
    assert page.index("large-one") < page.index("small-one")


def test_it_is_for_administrators(client, world):
    finding = _orphan(world, "secret-name")

    for person in (world.owner, world.approver, world.stranger):
        client.force_login(person)
        for path in ("/orphans/", f"/orphans/{finding.pk}/"):
            answer = client.get(path)
            assert answer.status_code == 403
            assert b"secret-name" not in answer.content


@pytest.mark.parametrize("count", [1, 3])
def test_the_report_asks_the_same_number_of_questions(client, world, count, django_assert_num_queries):
    for number in range(count):
        _orphan(world, f"vm-{number}")
    client.force_login(world.admin)

    with django_assert_num_queries(11):
        assert len(client.get("/orphans/").context["page"].rows) == count


def test_search_and_endpoint_narrow_rows_and_totals_alike(client, world):
    other = make_endpoint("Lab")
    _orphan(world, "jenkins-old")
    _orphan(world, "nagios", endpoint=other)
    client.force_login(world.admin)

    for asked, name in (({"q": "jenk"}, "jenkins-old"), ({"endpoint": other.pk}, "nagios")):
        context = client.get("/orphans/", asked).context
        assert [finding.machine.name for finding in context["page"].rows] == [name]
        assert context["totals"].count == 1
    assert b"No matches" in client.get("/orphans/", {"q": "nothing-like-it"}).content


def test_evidence_is_hostile_text(client, world):
    note = "<img src=x onerror=alert(1)>" + "x" * 400
    finding = _orphan(world, "<b>bold</b>", created_by="<i>root</i>", note=note)
    client.force_login(world.admin)

    for path in ("/orphans/", f"/orphans/{finding.pk}/"):
        page = client.get(path).content.decode()
        assert "<b>bold" not in page and "<img src=x" not in page and "<i>root" not in page
        assert "x" * 200 not in page


@pytest.mark.parametrize("named", ["lena", "lena@example.org", "LENA@EXAMPLE.ORG"])
def test_assigning_a_person_leads_to_the_machine(client, world, named):
    finding = _orphan(world, "vm")
    client.force_login(world.admin)

    answer = client.post(f"/orphans/{finding.pk}/", _form(world, holder=named))

    assert (answer.status_code, answer.url) == (302, f"/machines/{finding.machine_id}/")
    machine = Machine.objects.get(pk=finding.machine_id)
    assert (machine.stage, machine.holder, machine.purpose) == (Stage.ACTIVE, world.owner, "Build farm")


def test_assigning_a_team(client, world):
    finding = _orphan(world, "vm")
    client.force_login(world.admin)

    client.post(f"/orphans/{finding.pk}/", _form(world, holder="data platform"))

    machine = Machine.objects.get(pk=finding.machine_id)
    assert (machine.holder, machine.team) == (None, world.owner.team)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("holder", "", "Say who shall hold it"),
        ("holder", "nobody-here", "Nobody here is called that."),
        ("purpose", " ", "Say what the machine is for."),
        ("last_day", "2001-01-01", "In the past."),
        ("last_day", "whenever", "Not a date."),
        ("last_day", "3000-01-01", "Too far."),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(client, world, field, value, words):
    finding = _orphan(world, "vm")
    client.force_login(world.admin)

    answer = client.post(f"/orphans/{finding.pk}/", _form(world, **{field: value}))

    assert answer.status_code == 422
    assert words in str(answer.context["form"].errors[field])
    assert "Build farm" in answer.content.decode() or field == "purpose"
    assert Machine.objects.get(pk=finding.machine_id).stage == Stage.DISCOVERED


def test_two_people_of_one_name_need_a_user_name(client, world):
    for person in (world.owner, world.teammate):
        person.first_name, person.last_name = "Lena", "Brandt"
        person.save()
    finding = _orphan(world, "vm")
    client.force_login(world.admin)

    answer = client.post(f"/orphans/{finding.pk}/", _form(world, holder="lena brandt"))

    assert b"More than one person is called that." in answer.content


def test_a_second_assignment_comes_too_late(client, world):
    finding = _orphan(world, "vm")
    client.force_login(world.admin)
    client.post(f"/orphans/{finding.pk}/", _form(world))

    answer = client.post(f"/orphans/{finding.pk}/", _form(world, holder="piotr"))

    assert answer.status_code == 409
    assert Machine.objects.get(pk=finding.machine_id).holder == world.owner


def test_a_finding_that_ended_leads_to_its_machine(client, world):
    finding = _orphan(world, "vm")
    client.force_login(world.admin)
    client.post(f"/orphans/{finding.pk}/", _form(world))

    assert client.get(f"/orphans/{finding.pk}/").url == f"/machines/{finding.machine_id}/"


def test_others_cannot_assign(client, world):
    finding = _orphan(world, "vm")
    client.force_login(world.approver)

    assert client.post(f"/orphans/{finding.pk}/", _form(world)).status_code == 403
    assert Machine.objects.get(pk=finding.machine_id).stage == Stage.DISCOVERED


def test_a_damaged_position_and_other_methods_are_refused(client, world):
    finding = _orphan(world, "vm")
    client.force_login(world.admin)

    assert client.get("/orphans/", {"page": "made-up"}).status_code == 422
    assert client.post("/orphans/").status_code == 405
    assert client.put(f"/orphans/{finding.pk}/").status_code == 405
    assert client.get("/orphans/999999/").status_code == 404
