"""Rules about found machines on pages: tried first, saved, applied, resting, removed."""

import pytest

from lifecycle.estate.models import Machine, Stage
from lifecycle.sprawl.models import EstateRule
from tests.lifecycle.factories import make_machine, make_user

HINT = {"name": "CI", "effect": "hint", "machine_name": "ci-*", "holder": "lena"}
ADOPT = HINT | {"effect": "adopt", "purpose": "Builds", "lease_days": "30"}


@pytest.fixture
def admin(client, world):
    client.force_login(world.admin)
    return client


@pytest.fixture
def machines(world):
    return [make_machine(f"ci-{number}", endpoint=world.endpoint) for number in range(3)]


def _make(admin, **fields):
    answer = admin.post("/sprawl/rules/new/", ADOPT | fields | {"do": "save"})
    assert answer.status_code == 302, answer.content
    return EstateRule.objects.get()


def test_a_rule_is_tried_before_it_is_saved(admin, world, machines):
    answer = admin.post("/sprawl/rules/new/", HINT | {"do": "try"})

    assert answer.status_code == 200
    page = answer.content.decode()
    assert "It would fit 3 machines" in page and "ci-0" in page and "Nothing is saved yet." in page
    assert 'value="ci-*"' in page
    assert not EstateRule.objects.exists()


def test_saving_leads_to_the_rule(admin, world, machines):
    rule = _make(admin)

    assert (rule.person, rule.team, rule.lease_days, rule.made_by) == (world.owner, None, 30, world.admin)
    page = admin.get(f"/sprawl/rules/{rule.pk}/").content.decode()
    assert "What it fits now" in page and "Give them their holder" in page
    assert "CI" in admin.get("/sprawl/rules/").content.decode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"machine_name": ""}, "Say which machines"),
        ({"holder": ""}, "Choose a person or a team."),
        ({"holder": "nobody-here"}, "Nobody here is called that."),
        ({"purpose": ""}, "Say what the machines are for."),
        ({"lease_days": "many"}, "Enter a whole number."),
        ({"effect": "managed"}, "Say what manages them."),
        ({"effect": "burn"}, "Select a valid choice."),
    ],
)
@pytest.mark.parametrize("do", ["try", "save"])
def test_what_is_wrong_stands_at_its_field(admin, world, changes, words, do):
    answer = admin.post("/sprawl/rules/new/", ADOPT | changes | {"do": do})

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not EstateRule.objects.exists()


def test_changing_a_rule(admin, world, machines):
    rule = _make(admin)

    answer = admin.post(
        f"/sprawl/rules/{rule.pk}/",
        {"name": "VDI", "effect": "managed", "machine_name": "ci-*", "managed_by": "Horizon", "do": "save"},
    )

    assert answer.status_code == 302
    rule.refresh_from_db()
    assert (rule.effect, rule.person, rule.managed_by) == ("managed", None, "Horizon")
    assert set(Machine.objects.filter(pk__in=[m.pk for m in machines]).values_list("managed_rule", flat=True)) == {
        "Horizon"
    }


def test_trying_a_change_changes_nothing(admin, world, machines):
    rule = _make(admin)

    answer = admin.post(f"/sprawl/rules/{rule.pk}/", ADOPT | {"machine_name": "ci-1", "do": "try"})

    assert answer.context["matches"].count == 1
    rule.refresh_from_db()
    assert rule.machine_name == "ci-*"


def test_applying_says_what_became_of_each(admin, world, machines):
    rule = _make(admin)

    page = admin.post(f"/sprawl/rules/{rule.pk}/apply/").content.decode()

    assert "3 machines have their holder now." in page
    assert set(Machine.objects.filter(name__startswith="ci-").values_list("stage", "holder")) == {
        (Stage.ACTIVE, world.owner.pk)
    }
    assert "No machine fits any more." in admin.post(f"/sprawl/rules/{rule.pk}/apply/").content.decode()


def test_resting_and_in_force_again(admin, machines):
    rule = _make(admin)

    for enabled, expected in (("", False), ("", False), ("yes", True)):
        assert admin.post(f"/sprawl/rules/{rule.pk}/switch/", {"enabled": enabled}).status_code == 302
        assert EstateRule.objects.get().enabled is expected


def test_a_resting_rule_is_not_applied(admin, machines):
    rule = _make(admin)
    admin.post(f"/sprawl/rules/{rule.pk}/switch/")

    assert admin.post(f"/sprawl/rules/{rule.pk}/apply/").status_code == 409
    assert "Give them their holder" not in admin.get(f"/sprawl/rules/{rule.pk}/").content.decode()


def test_removing_twice_is_not_found(admin, machines):
    rule = _make(admin)

    assert admin.post(f"/sprawl/rules/{rule.pk}/remove/").status_code == 302
    assert admin.post(f"/sprawl/rules/{rule.pk}/remove/").status_code == 404


def test_hostile_patterns_and_names_stay_text(admin, world):
    make_machine("<b>ci</b>", endpoint=world.endpoint)
    rule = _make(admin, name="<i>CI</i>", machine_name="<b>*")

    for path in ("/sprawl/rules/", f"/sprawl/rules/{rule.pk}/"):
        page = admin.get(path).content.decode()
        assert "<i>CI" not in page and "<b>ci" not in page and "<b>*" not in page


def test_an_auditor_reads_and_changes_nothing(client, admin, world, machines):
    rule = _make(admin)
    client.force_login(make_user("aurel", role="auditor"))

    page = client.get(f"/sprawl/rules/{rule.pk}/").content.decode()
    assert "What it fits now" in page and 'name="do"' not in page and "Remove the rule" not in page
    assert client.post(f"/sprawl/rules/{rule.pk}/", HINT | {"do": "save"}).status_code == 403


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_asks_the_same_number_of_questions(admin, world, count, django_assert_num_queries):
    for number in range(count):
        EstateRule.objects.create(
            name=f"R{number}", effect="hint", machine_name="x*", person=world.owner, made_at="2026-01-01T00:00Z"
        )
    with django_assert_num_queries(9):
        admin.get("/sprawl/rules/")
