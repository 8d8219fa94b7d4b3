"""Whose a found machine might be, on the orphan's page, in the list and on the finding's page."""

import pytest

from lifecycle.estate.models import Machine, Stage
from lifecycle.people.models import User
from lifecycle.sprawl.actions import scan
from lifecycle.sprawl.attribution import attribute
from lifecycle.sprawl.attribution.sources import WEIGHTS
from lifecycle.sprawl.models import CmdbFile, CmdbRow, Finding
from portal.web.whosewords import SENTENCES, said
from tests.lifecycle.factories import make_machine


@pytest.fixture
def orphan(world):
    """A way to make one, with whose it might be."""

    def make(name="vm-0417", **fields):
        machine = make_machine(name, endpoint=world.endpoint, **fields)
        world.endpoint.__class__.objects.update(scans=9)
        scan()
        attribute()
        return Finding.objects.get(machine=machine, kind="orphan", ended_at=None)

    return make


@pytest.fixture
def admin(client, world):
    client.force_login(world.admin)
    return client


def _terms(world, **changes):
    return {"purpose": "Build farm", "last_day": world.day(30).isoformat()} | changes


def test_the_likeliest_is_chosen_and_the_form_would_assign_to_them(admin, world, orphan):
    finding = orphan("lena-test", created_by="CORP\\lena", powered_by="piotr")

    answer = admin.get(f"/orphans/{finding.pk}/")
    page = answer.content.decode()

    assert [(each.value, each.score, each.level) for each in answer.context["who"].candidates] == [
        ("lena", 60, "likely"), ("piotr", 20, "guess"),
    ]  # fmt: skip
    assert f"Assign to {world.owner}" in page
    assert '<input type="hidden" name="holder" value="lena">' in page
    assert "60 of 100" in page and "Likely" in page and "+ 40" in page
    assert "“CORP\\lena” made it" in page


def test_assigning_to_the_chosen_one(admin, world, orphan):
    finding = orphan(created_by="lena")

    answer = admin.post(f"/orphans/{finding.pk}/", _terms(world, holder="lena"))

    assert answer.status_code == 302
    machine = Machine.objects.get(pk=finding.machine_id)
    assert (machine.stage, machine.holder) == (Stage.ACTIVE, world.owner)


def test_another_candidate_can_be_chosen(admin, world, orphan):
    finding = orphan(created_by="lena", powered_by="piotr")
    piotr = User.objects.get(username="piotr")

    page = admin.get(f"/orphans/{finding.pk}/", {"who": f"person-{piotr.pk}"}).content.decode()

    assert '<input type="hidden" name="holder" value="piotr">' in page


def test_a_team_can_be_chosen(admin, world, orphan):
    finding = orphan(note="Data Platform")
    page = admin.get(f"/orphans/{finding.pk}/").content.decode()

    assert '<input type="hidden" name="holder" value="Data Platform">' in page
    assert admin.post(f"/orphans/{finding.pk}/", _terms(world, holder="Data Platform")).status_code == 302
    assert Machine.objects.get(pk=finding.machine_id).team == world.owner.team


@pytest.mark.parametrize("who", ["else", "person-999999"])
def test_somebody_else_is_named_by_hand(admin, world, orphan, who):
    finding = orphan(created_by="lena")

    page = admin.get(f"/orphans/{finding.pk}/", {"who": who}).content.decode()

    assert ('name="holder" list="holders"' in page or 'list="holders"' in page) is (who == "else")


def test_without_a_trace_somebody_is_named_by_hand(admin, orphan):
    page = admin.get(f"/orphans/{orphan().pk}/").content.decode()

    assert "No trace yet" in page and 'list="holders"' in page


def test_what_is_wrong_keeps_the_choice(admin, world, orphan):
    finding = orphan(created_by="lena")

    answer = admin.post(f"/orphans/{finding.pk}/", _terms(world, holder="lena", purpose=" "))

    assert answer.status_code == 422
    assert '<input type="hidden" name="holder" value="lena">' in answer.content.decode()


def test_a_choice_that_cannot_be_is_named_beside_the_field(admin, world, orphan):
    """Who was a candidate a moment ago may have left since."""
    finding = orphan(created_by="lena")
    User.objects.filter(username="lena").update(is_active=False)

    answer = admin.post(f"/orphans/{finding.pk}/", _terms(world, holder="lena"))

    assert answer.status_code == 422
    page = answer.content.decode()
    assert "has left" in page and 'list="holders"' in page


def test_leavers_are_named_with_who_stands_in(admin, world, orphan):
    User.objects.filter(pk=world.owner.pk).update(is_active=False)
    finding = orphan(created_by="lena")

    answer = admin.get(f"/orphans/{finding.pk}/")

    assert [each.value for each in answer.context["who"].candidates] == [world.approver.username]
    assert f"in place of {world.owner}, who has left" in answer.content.decode()


def test_the_list_names_the_likeliest(admin, world, orphan):
    orphan("one", created_by="lena", powered_by="piotr")
    orphan("two")

    page = admin.get("/orphans/").content.decode()

    assert str(world.owner) in page and "No trace yet" in page


@pytest.mark.parametrize("count", [1, 3])
def test_the_pages_ask_the_same_number_of_questions(admin, world, orphan, count, django_assert_num_queries):
    findings = [orphan(f"lena-{number}", created_by="piotr", note="Data Platform") for number in range(count)]

    with django_assert_num_queries(11):
        admin.get("/orphans/")
    with django_assert_num_queries(15):
        admin.get(f"/orphans/{findings[0].pk}/")


def test_hostile_text_stays_text(admin, orphan):
    hostile = "<img src=x onerror=alert(1)> lena " + "y" * 400
    finding = orphan("<b>lena</b>", note=hostile, labels={"<i>owner</i>": hostile}, folder=hostile[:200])

    page = admin.get(f"/orphans/{finding.pk}/").content.decode()

    assert "<img src=x" not in page and "<b>lena" not in page and "<i>owner" not in page and "y" * 200 not in page


def test_others_do_not_see_whose_it_might_be(client, world, orphan):
    finding = orphan(created_by="lena")

    for person in (world.owner, world.approver, world.stranger):
        client.force_login(person)
        assert client.get(f"/orphans/{finding.pk}/").status_code == 403


def test_the_finding_shows_the_same(admin, world, orphan):
    finding = orphan(created_by="lena")

    page = admin.get(f"/findings/{finding.pk}/").content.decode()

    assert "Who is it?" in page and str(world.owner) in page
    assert f"/orphans/{finding.pk}/?who=person-{world.owner.pk}" in page


def test_every_source_has_its_sentence():
    assert set(SENTENCES) == set(WEIGHTS)
    for what in WEIGHTS:
        (one,) = said([{"what": what, "value": "x", "points": 3, "n": 1, "of": 2, "label": "owner"}])
        assert what not in one.sentence and one.points == "+ 3"


@pytest.mark.parametrize("evidence", [{}, {"what": "?", "points": "many", "at": "then"}, {"what": "held", "at": 7}])
def test_odd_evidence_is_shown_all_the_same(evidence):
    assert len(said([evidence])) == 1


def test_the_inventory_speaks_against_others(admin, orphan):
    made = CmdbFile.objects.create(file_name="a.csv", at="2026-01-01T00:00Z", state="in_force")
    CmdbRow.objects.create(file=made, number=2, name="x", key="x", owner="nobody here", outcome="no_machine")
    finding = orphan(created_by="lena")

    page = admin.get(f"/orphans/{finding.pk}/").content.decode()

    assert "The inventory does not know it" in page and "− 5" in page
