"""How evidence adds up: text alone is never certain, ambiguous names say nothing, leavers stand for supervisors."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lifecycle.people.models import User
from lifecycle.sprawl.attribution import attribute
from lifecycle.sprawl.attribution.sources import CERTAIN, DOUBTFUL, WEIGHTS, Origin
from lifecycle.sprawl.models import EstateRule, HolderCandidate
from tests.lifecycle.factories import make_endpoint, make_machine, make_team, make_tenure, make_user
from tests.lifecycle.sprawl.attribution.bench import found_of, make_house, make_inventory, stray

pytestmark = pytest.mark.django_db

ALL_TEXT: dict[str, Any] = {
    "name": "akaya-1", "note": "akaya", "labels": {"owner": "akaya"}, "guest_name": "akaya.lan", "folder": "akaya",
}  # fmt: skip


@pytest.fixture
def house(db):
    return make_house()


def test_sources_add_up_and_the_weightiest_comes_first(house):
    make_inventory({"name": "something-else", "owner": "nwinkler"})
    machine = stray("akaya-7", created_by="CORP\\akaya", note="CI Kaya, build farm")

    assert found_of(machine) == [("akaya", 65, ["created_by", "name_account", "note_surname", "no_cmdb"])]


def test_text_alone_is_never_certain(house):
    endpoint = make_endpoint()
    for _ in range(3):
        make_machine(endpoint=endpoint, folder="akaya", holder=house.aylin)
    EstateRule.objects.create(
        name="by name", effect="hint", machine_name="*akaya*", person=house.aylin, made_at="2026-01-01T00:00Z"
    )

    ((who, score, what), *_) = found_of(stray(endpoint=endpoint, **ALL_TEXT))

    assert sum(WEIGHTS[each].points for each in what) > CERTAIN
    assert (who, score) == ("akaya", DOUBTFUL)


@pytest.mark.parametrize("firm", [{"created_by": "akaya"}, {"powered_by": "akaya"}, "held", "cmdb", "rule"], ids=str)
def test_text_and_one_firm_witness_may_be_certain(house, firm):
    machine = stray(**ALL_TEXT | (firm if isinstance(firm, dict) else {}))
    if firm == "held":
        make_tenure(machine, holder=house.aylin, ended_at=datetime(2026, 2, 1, tzinfo=UTC))
    if firm == "cmdb":
        make_inventory({"name": machine.name, "owner": "akaya"})
    if firm == "rule":
        EstateRule.objects.create(
            name="by place", effect="hint", folder="aka*", person=house.aylin, made_at="2026-01-01T00:00Z"
        )

    ((who, score, _what), *_) = found_of(machine)

    assert (who, score) == ("akaya", 100)


def test_one_firm_witness_alone_is_not_certain(house, monkeypatch):
    """However much the events may ever be worth."""
    monkeypatch.setitem(
        WEIGHTS, "created_by", WEIGHTS["created_by"].__class__(90, "created_by", Origin.EVENTS, firm=True)
    )

    assert found_of(stray(created_by="akaya", powered_by="akaya")) == [
        ("akaya", DOUBTFUL, ["created_by", "powered_by"])
    ]


def test_an_address_in_the_inventory_is_not_firm(house):
    """Whoever is inside may give the machine any address."""
    make_inventory({"address": "10.0.0.1", "owner": "akaya"})

    ((who, score, _what), *_) = found_of(stray(**ALL_TEXT, addresses=["10.0.0.1"]))

    assert (who, score) == ("akaya", DOUBTFUL)


@pytest.mark.parametrize("text", ["Müller", "Anna Müller", "mueller"])
def test_names_of_two_people_name_neither(house, text):
    make_user("am1", first_name="Anna", last_name="Müller")
    make_user("am2", first_name="Anna", last_name="Müller")

    assert found_of(stray(note=text, name=text.replace(" ", "-"), labels={"owner": text})) == []


def test_a_full_name_is_clear_where_the_surname_is_not(house):
    make_user("am", first_name="Anna", last_name="Müller")
    make_user("km", first_name="Kai", last_name="Müller")

    assert found_of(stray(note="Kai Müller")) == [("km", 20, ["note_name"])]


def test_an_address_of_two_people_names_neither(house):
    for name in ("one", "two"):
        make_user(name, email="both@example.org")

    assert found_of(stray(created_by="both@example.org", note="both@example.org")) == []


def test_accounts_that_differ_in_case_alone_name_neither(house):
    make_user("AKAYA")

    assert found_of(stray(created_by="akaya", note="akaya")) == []


def test_a_word_that_is_one_s_account_and_another_s_surname_names_neither(house):
    make_user("kaya", first_name="Karl", last_name="Yard")

    assert found_of(stray(note="kaya")) == []
    assert found_of(stray(created_by="kaya")) == [("kaya", 40, ["created_by"])]


@pytest.mark.parametrize("username", ["test", "web", "backup", "ab", "42"])
def test_people_who_are_called_like_machines_are_not_found_in_text(house, username):
    make_user(username, first_name="Tess", last_name="Backup")

    assert found_of(stray(f"{username}-01", note=f"{username} backup", folder=username)) == []


def test_a_team_called_like_a_machine_is_not_found_in_text(house):
    make_team("Storage")

    assert found_of(stray("storage-7", note="storage")) == []
    assert found_of(stray("x", labels={"team": "Team Storage"})) == []


# Leavers


def test_whoever_has_left_stands_for_their_supervisor(house):
    found = found_of(stray(created_by="dmahler"))

    assert found == [("nwinkler", 30, ["created_by"])]
    assert HolderCandidate.objects.get().evidence[0]["left"] == "Dieter Mahler"


def test_supervisors_who_have_left_too_are_passed_over(house):
    boss = make_user("boss")
    User.objects.filter(pk=house.nora.pk).update(is_active=False, supervisor=boss)

    assert found_of(stray(created_by="dmahler")) == [("boss", 30, ["created_by"])]


def test_a_leaver_without_anybody_above_is_no_candidate(house):
    User.objects.filter(pk=house.dieter.pk).update(supervisor=None)

    assert found_of(stray(created_by="dmahler")) == []


def test_leavers_in_a_circle_end(house):
    User.objects.filter(pk=house.nora.pk).update(is_active=False, supervisor=house.dieter)

    assert found_of(stray(created_by="dmahler")) == []


def test_what_speaks_for_the_supervisor_herself_counts_before_what_speaks_for_a_leaver(house):
    found = found_of(stray(created_by="nwinkler", powered_by="dmahler"))

    assert found == [("nwinkler", 55, ["created_by", "powered_by"])]


# Writing


def test_a_second_pass_writes_nothing(house):
    machine = stray(**ALL_TEXT, created_by="akaya")
    found_of(machine)
    rows = list(HolderCandidate.objects.values())

    passed = attribute()

    assert (passed.machines, passed.written, passed.removed) == (1, 0, 0)
    assert list(HolderCandidate.objects.values()) == rows


def test_only_what_changed_is_written(house):
    first, second = stray(created_by="akaya"), stray(created_by="akaya")
    found_of(first)
    kept = HolderCandidate.objects.get(machine=first).pk

    second.created_by = "nwinkler"
    second.save()
    passed = attribute()

    assert (passed.written, passed.removed) == (1, 1)
    assert HolderCandidate.objects.get(machine=first).pk == kept
    assert HolderCandidate.objects.get(machine=second).person == house.nora


def test_new_machines_alone_can_be_asked_about(house):
    old = stray(created_by="akaya", first_seen_at=datetime(2026, 1, 1, tzinfo=UTC))
    new = stray(created_by="akaya", first_seen_at=datetime(2026, 3, 1, tzinfo=UTC))

    attribute(found_since=datetime(2026, 2, 1, tzinfo=UTC))

    assert list(HolderCandidate.objects.values_list("machine", flat=True)) == [new.pk]
    assert old.candidates.count() == 0


def test_the_five_likeliest_are_kept(house):
    for number in range(8):
        make_user(f"person-x{number}")
    machine = stray(note=" ".join(f"person-x{number}" for number in range(8)))

    assert len(found_of(machine)) == 5


@pytest.mark.parametrize("count", [1, 30])
def test_a_pass_asks_the_same_number_of_questions(house, count, django_assert_num_queries):
    EstateRule.objects.create(name="net", effect="hint", network="ci*", team=house.web, made_at="2026-01-01T00:00Z")
    make_inventory({"name": "vm-1", "owner": "akaya"})
    for number in range(count):
        stray(f"vm-{number}", **{key: text for key, text in ALL_TEXT.items() if key != "name"})
    attribute()

    with django_assert_num_queries(17):
        attribute()
