"""Rules of the estate: which machines they fit, and what follows from adding, changing, resting and removing one."""

import pytest

from lifecycle.audit.models import Entry
from lifecycle.errors import Conflict, Forbidden, InvalidMany
from lifecycle.estate.models import Machine, Network, Nic, Stage
from lifecycle.notices.models import Notice
from lifecycle.sprawl.actions import scan
from lifecycle.sprawl.models import EstateRule, Finding
from lifecycle.sprawl.rules.actions import add_rule, apply_rule, change_rule, drafted, remove_rule, set_enabled
from lifecycle.sprawl.rules.managed import mark_managed
from lifecycle.sprawl.rules.matching import fitting
from lifecycle.sprawl.rules.queries import matches
from tests.lifecycle.factories import make_admin, make_endpoint, make_machine, make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(db):
    return make_admin("ingrid")


@pytest.fixture
def lena(db):
    return make_user("lena")


def _managed(admin, **fields):
    return add_rule(by=admin, **{"name": "VDI", "effect": "managed", "managed_by": "Horizon"} | fields)


def _adopt(admin, holder, **fields):
    given = {"effect": "adopt", "person": holder, "purpose": "Builds", "lease_days": 90, "machine_name": "ci-*"}
    return add_rule(by=admin, **{"name": "CI"} | given | fields)


def _fits(**conditions):
    rule = EstateRule(effect="hint", **conditions)
    found = [pk for pk, _rule in fitting([rule], Machine.objects.all())]
    return list(Machine.objects.filter(pk__in=found).order_by("name").values_list("name", flat=True))


@pytest.fixture
def estate(db):
    north, south = make_endpoint("North"), make_endpoint("South")
    build = Network.objects.create(endpoint=north, ref="n1", name="ci-build")
    for name, fields in {
        "ci-1": {"endpoint": north, "folder": "CI/agents", "labels": {"stage": "test"}},
        "CI-2": {"endpoint": south, "folder": "CI", "labels": {"stage": "live"}},
        "web-1": {"endpoint": north, "folder": "Shops", "labels": {"keep": ""}},
        "web-2": {"endpoint": south, "labels": "no labels at all"},
    }.items():
        machine = make_machine(name, **fields)
        if name in ("ci-1", "web-1"):
            Nic.objects.create(machine=machine, ref="1", network=build)
    return {"north": north, "south": south}


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"machine_name": "ci-*"}, ["CI-2", "ci-1"]),
        ({"machine_name": "web-?"}, ["web-1", "web-2"]),
        ({"folder": "ci"}, ["CI-2"]),
        ({"folder": "ci*"}, ["CI-2", "ci-1"]),
        ({"label": "stage"}, ["CI-2", "ci-1"]),
        ({"label": "stage=test"}, ["ci-1"]),
        ({"label": "sta*=L*"}, ["CI-2"]),
        ({"label": "keep"}, ["web-1"]),
        ({"label": "keep="}, ["web-1"]),
        ({"label": "stage="}, []),
        ({"network": "ci-*"}, ["ci-1", "web-1"]),
        ({"network": "ci-*", "machine_name": "ci*"}, ["ci-1"]),
        ({"network": "none"}, []),
        ({"machine_name": "*", "folder": "Shops"}, ["web-1"]),
    ],
)
def test_every_condition_must_fit(estate, conditions, expected):
    assert _fits(**conditions) == expected


def test_an_endpoint_is_a_condition(estate):
    assert _fits(endpoint=estate["north"]) == ["ci-1", "web-1"]
    assert _fits(endpoint=estate["south"], machine_name="web*") == ["web-2"]


@pytest.mark.parametrize("count", [1, 30])
def test_fitting_asks_the_same_number_of_questions(estate, count, django_assert_num_queries):
    for _ in range(count):
        make_machine(endpoint=estate["north"])
    with django_assert_num_queries(4):  # networks, a chunk and its NICs, an empty chunk
        list(fitting([EstateRule(effect="hint", network="ci-*")], Machine.objects.all()))


# What is wrong with one


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"machine_name": "x" * 256}, "machine_name"),
        ({"machine_name": " "}, "machine_name"),
        ({"effect": "burn"}, "effect"),
        ({"person": None}, "person"),
        ({"purpose": " "}, "purpose"),
        ({"lease_days": None}, "lease_days"),
        ({"lease_days": 0}, "lease_days"),
        ({"lease_days": 366}, "lease_days"),
        ({"effect": "managed"}, "managed_by"),
    ],
)
def test_each_field_says_what_is_wrong_with_it(admin, lena, changes, field):
    with pytest.raises(InvalidMany) as error:
        _adopt(admin, lena, **changes)

    assert list(error.value.problems) == [field]
    assert not EstateRule.objects.exists()


def test_a_person_and_a_team_are_too_many(admin, lena):
    with pytest.raises(InvalidMany, match="Choose a person or a team"):
        _adopt(admin, lena, team=make_team())


def test_nobody_who_has_left(admin):
    with pytest.raises(InvalidMany, match="has left"):
        _adopt(admin, make_user(is_active=False))


def test_names_are_taken_once(admin, lena):
    _adopt(admin, lena)

    with pytest.raises(InvalidMany):
        _adopt(admin, lena)


def test_what_another_effect_does_not_need_is_left_out(admin, lena):
    rule = _adopt(admin, lena)

    changed = change_rule(rule, by=admin, effect="managed", managed_by="Jenkins")

    assert (changed.person, changed.purpose, changed.lease_days, changed.managed_by) == (None, "", None, "Jenkins")


@pytest.mark.parametrize("role", ["employee", "finance", "auditor"])
def test_rules_are_for_administrators(admin, lena, role):
    rule = _adopt(admin, lena)
    other = make_user(role=role)

    for act in (
        lambda: _adopt(other, lena, name="another"),
        lambda: change_rule(rule, by=other, machine_name="x"),
        lambda: set_enabled(rule, False, by=other),
        lambda: remove_rule(rule, by=other),
        lambda: apply_rule(rule, by=other),
    ):
        with pytest.raises(Forbidden):
            act()
    assert EstateRule.objects.get().enabled


def test_a_draft_is_not_saved(admin, lena):
    make_machine("ci-1")

    draft = drafted(name="CI", effect="hint", machine_name="ci-*", person=lena)

    assert matches(draft).count == 1
    assert not EstateRule.objects.exists()


def test_matches_show_the_first_fifty_and_count_all(admin, lena):
    endpoint = make_endpoint()
    for _ in range(51):
        make_machine("ci-7", endpoint=endpoint)

    found = matches(_adopt(admin, lena))

    assert (found.count, len(found.machines)) == (51, 50)


def test_each_change_is_recorded_once(admin, lena):
    rule = _adopt(admin, lena)
    change_rule(rule, by=admin, machine_name="ci-1*")
    change_rule(rule, by=admin, machine_name="ci-1*")
    set_enabled(rule, False, by=admin)
    set_enabled(rule, False, by=admin)
    set_enabled(rule, True, by=admin)
    remove_rule(rule, by=admin)

    entries = Entry.objects.filter(verb__startswith="rule.").order_by("pk")
    assert [entry.verb for entry in entries] == [
        "rule.added", "rule.changed", "rule.disabled", "rule.enabled", "rule.removed",
    ]  # fmt: skip
    assert entries[1].detail["changed"] == ["machine_name"]
    assert (entries[1].detail["before"]["machine_name"], entries[1].detail["after"]["machine_name"]) == (
        "ci-*",
        "ci-1*",
    )


# Managed by something else


def test_what_a_rule_marks_is_not_flagged(admin):
    endpoint = make_endpoint(scans=5)
    vdi, other = make_machine("vdi-1", endpoint=endpoint), make_machine("web-1", endpoint=endpoint)
    scan()
    assert Finding.objects.filter(kind="orphan", ended_at=None).count() == 2

    _managed(admin, machine_name="vdi-*")
    scan()

    assert Machine.objects.get(pk=vdi.pk).managed_rule == "Horizon"
    assert [finding.machine for finding in Finding.objects.filter(kind="orphan", ended_at=None)] == [other]


@pytest.mark.parametrize(
    "undo",
    [
        lambda rule, by: remove_rule(rule, by=by),
        lambda rule, by: set_enabled(rule, False, by=by),
        lambda rule, by: change_rule(rule, by=by, machine_name="x"),
    ],
    ids=["removed", "resting", "changed"],
)
def test_without_the_rule_the_mark_is_gone(admin, undo):
    make_machine("vdi-1")
    rule = _managed(admin, machine_name="vdi-*")

    undo(rule, admin)

    assert Machine.objects.get().managed_rule == ""


def test_machines_that_come_later_are_marked_by_the_next_pass(admin):
    _managed(admin, machine_name="vdi-*")
    make_machine("vdi-1")

    assert mark_managed() == 1
    assert mark_managed() == 0
    assert Machine.objects.get().managed_rule == "Horizon"


def test_the_first_rule_by_name_has_the_word(admin):
    make_machine("vdi-1")
    _managed(admin, name="B", machine_name="*", managed_by="Second")
    _managed(admin, name="A", machine_name="vdi-*", managed_by="First")

    assert Machine.objects.get().managed_rule == "First"


def test_a_machine_that_somebody_holds_is_not_marked(admin, lena):
    machine = make_machine("vdi-1")
    _managed(admin, machine_name="vdi-*")
    Machine.objects.filter(pk=machine.pk).update(stage=Stage.ACTIVE, holder=lena)

    mark_managed()

    assert Machine.objects.get().managed_rule == ""


def test_the_portal_s_own_machine_is_managed(settings):
    own, other = make_machine(), make_machine()
    settings.OWN_MACHINES = [own.uuid]

    mark_managed()

    assert Machine.objects.get(pk=own.pk).managed_rule == "Leasehold"
    assert Machine.objects.get(pk=other.pk).managed_rule == ""


# Giving a holder


def test_a_rule_gives_a_holder_when_it_is_applied_and_not_before(admin, lena):
    one, other = make_machine("ci-1"), make_machine("web-1")
    rule = _adopt(admin, lena)
    scan()
    assert Machine.objects.get(pk=one.pk).holder is None

    (given,) = apply_rule(rule, by=admin)

    assert given.machine.pk == one.pk and given.lease is not None
    one.refresh_from_db()
    assert (one.stage, one.holder, one.purpose) == (Stage.ACTIVE, lena, "Builds")
    assert Machine.objects.get(pk=other.pk).stage == Stage.DISCOVERED
    assert Notice.objects.filter(recipient=lena, kind="adopted").count() == 1
    assert Entry.objects.get(verb="rule.applied").detail == {"given": 1, "not_given": 0}


def test_a_team_is_a_holder_too(admin):
    team = make_team()
    machine = make_machine("ci-1")

    apply_rule(_adopt(admin, None, team=team), by=admin)

    machine.refresh_from_db()
    assert (machine.holder, machine.team) == (None, team)


def test_applying_a_second_time_gives_nothing(admin, lena):
    make_machine("ci-1")
    rule = _adopt(admin, lena)
    apply_rule(rule, by=admin)

    assert apply_rule(rule, by=admin) == []


@pytest.mark.parametrize("fields", [{"effect": "hint"}, {"effect": "managed", "managed_by": "x", "person": None}])
def test_only_rules_that_give_a_holder_are_applied(admin, lena, fields):
    with pytest.raises(Conflict):
        apply_rule(_adopt(admin, lena, **fields), by=admin)


def test_a_resting_rule_is_not_applied(admin, lena):
    machine = make_machine("ci-1")
    rule = set_enabled(_adopt(admin, lena), False, by=admin)

    with pytest.raises(Conflict):
        apply_rule(rule, by=admin)
    assert Machine.objects.get(pk=machine.pk).holder is None
