"""Each source of evidence alone: whom it names, and how much it says."""

import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from lifecycle.estate.models import Machine, Network, Nic, Stage
from lifecycle.sprawl.attribution.sources import WEIGHTS
from lifecycle.sprawl.models import EstateRule, HolderCandidate
from tests.lifecycle.factories import make_cost_centre, make_endpoint, make_machine, make_team, make_tenure, make_user
from tests.lifecycle.sprawl.attribution.bench import found_of, make_house, make_inventory, stray

pytestmark = pytest.mark.django_db


HANDBOOK = (Path(__file__).parents[4] / "docs" / "sprawl.md").read_text()


@pytest.fixture
def house(db):
    return make_house()


def test_the_handbook_names_these_points():
    _before, _head, below = HANDBOOK.partition("| What speaks for somebody | Points |\n")
    rows = re.match(r"(?:\|.*\n)+", below)
    assert rows
    said = {int(n) for row in rows[0].splitlines()[1:] for n in re.findall(r"\d+", row.rsplit("|", 2)[1])}

    assert said == {abs(weight.points) for weight in WEIGHTS.values()}


def _points(what: str) -> int:
    return WEIGHTS[what].points


@pytest.mark.parametrize(
    "account",
    ["akaya", "AKaya", "CORP\\akaya", "akaya@corp.local", "aylin.kaya@example.org", " Aylin.Kaya@Example.org "],
)
def test_events_name_their_maker(house, account):
    assert found_of(stray(created_by=account)) == [("akaya", 40, ["created_by"])]


def test_events_name_whoever_powers_it(house):
    assert found_of(stray(powered_by="VSPHERE.LOCAL\\akaya")) == [("akaya", 20, ["powered_by"])]


@pytest.mark.parametrize(
    "account",
    ["root", "Administrator", "VSPHERE.LOCAL\\Administrator", "vpxd", "vpxd-extension-1a", "svc-kaya", "vpxuser", "",
     "NT AUTHORITY\\akaya", "somebody-else", "\\", "@"],
)  # fmt: skip
def test_service_accounts_are_nobody(house, account):
    make_user("root")
    make_user("administrator")
    make_user("svc-kaya")

    assert found_of(stray(created_by=account, powered_by=account)) == []


def test_our_own_account_is_nobody(house):
    make_endpoint(username="akaya@vsphere.local")

    assert found_of(stray(created_by="VSPHERE.LOCAL\\akaya")) == []


@pytest.mark.parametrize(
    ("note", "what"),
    [
        ("Build farm, ask akaya!", "note_account"),
        ("contact: Aylin.Kaya@example.org.", "note_account"),
        ("Owner is Aylin Kaya (CI)", "note_name"),
        ("KAYA, Aylin", "note_name"),
        ("CI Kaya, build farm", "note_surname"),
        ("made by akaya for akaya, Aylin Kaya, aylin.kaya@example.org", "note_account"),
    ],
)
def test_notes_name_people(house, note, what):
    assert found_of(stray(note=note)) == [("akaya", _points(what), [what])]


@pytest.mark.parametrize("note", ["Zielinski", "ZIELIŃSKI", "zieliński,"])
def test_marks_on_letters_do_not_matter(house, note):
    assert found_of(stray(note=note)) == [("p.zielinski", 10, ["note_surname"])]


def test_umlauts_are_also_two_letters(house):
    make_user("jm", first_name="Jörg", last_name="Müller")

    assert found_of(stray(note="joerg mueller")) == [("jm", 20, ["note_name"])]
    assert found_of(stray(note="Jorg Muller")) == [("jm", 20, ["note_name"])]


@pytest.mark.parametrize("note", ["web shops", "Team Web-Shops", "webshops"])
def test_notes_name_teams(house, note):
    assert found_of(stray(note=note)) == [("Web Shops", 15, ["note_team"])]


@pytest.mark.parametrize(
    "note", ["xakaya", "akayax", "akay", "aylin", "nora@elsewhere.example", "nwinklers", "Kayak", "the shops"]
)
def test_parts_of_words_name_nobody(house, note):
    assert found_of(stray(note=note)) == []


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        ({"Owner": "akaya"}, "label_owner"),
        ({"contact-person": "Aylin Kaya"}, "label_owner"),
        ({"created by": "CORP\\akaya"}, "label_owner"),
        ({"remark": "ask akaya"}, "label_other"),
        ({"akaya": ""}, "label_other"),
        ({"owner": "the Kaya group"}, "label_other"),
    ],
)
def test_labels_name_people(house, labels, what):
    assert found_of(stray(labels=labels)) == [("akaya", _points(what), [what])]


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        ({"team": "web shops"}, "label_team"),
        ({"Web Shops": ""}, "label_other"),
        ({"Cost Centre": "4711"}, "label_cost_centre"),
    ],
)
def test_labels_name_teams(house, labels, what):
    house.web.cost_centre = make_cost_centre("4711")
    house.web.save()

    assert found_of(stray(labels=labels)) == [("Web Shops", _points(what), [what])]


def test_a_cost_centre_of_two_teams_names_neither(house):
    make_team(cost_centre=house.web.cost_centre)

    assert found_of(stray(labels={"cost centre": house.web.cost_centre.code})) == []


@pytest.mark.parametrize(
    ("name", "who", "what"),
    [
        ("akaya-test-3", "akaya", "name_account"),
        ("TEST_AKaya", "akaya", "name_account"),
        ("p.zielinski-sandbox", "p.zielinski", "name_account"),
        ("win10-aylin-kaya", "akaya", "name_account"),
        ("win10-kaya", "akaya", "name_surname"),
        ("web-shops-lt-7", "Web Shops", "name_team"),
    ],
)
def test_machines_are_called_after_people(house, name, who, what):
    assert found_of(stray(name)) == [(who, _points(what), [what])]


def test_guests_call_themselves_after_people(house):
    assert found_of(stray(guest_name="akaya-pc.build.example")) == [("akaya", 10, ["guest_account"])]


def test_folders_are_called_after_people(house):
    assert found_of(stray(folder="Users/akaya/old")) == [("akaya", 20, ["folder_account"])]


def test_neighbours_in_a_folder_count_by_their_share(house):
    endpoint = make_endpoint()
    machine = stray(endpoint=endpoint, folder="CI/agents")
    for _ in range(3):
        make_machine(endpoint=endpoint, folder="CI/agents", holder=house.piotr)
    make_machine(endpoint=endpoint, folder="CI/agents", holder=house.nora)
    make_machine(endpoint=endpoint, folder="CI", holder=house.nora)
    make_machine(folder="CI/agents", holder=house.nora)  # on another endpoint

    assert found_of(machine) == [("p.zielinski", 14 * 75 // 100, ["folder_neighbours"])]
    evidence = HolderCandidate.objects.get().evidence
    assert evidence == [{"what": "folder_neighbours", "value": "CI/agents", "points": 10, "n": 3, "of": 4}]


@pytest.mark.parametrize(("theirs", "others", "found"), [(1, 0, False), (2, 0, True), (2, 2, True), (2, 3, False)])
def test_neighbours_say_something_from_half_of_them_on(house, theirs, others, found):
    endpoint = make_endpoint()
    machine = stray(endpoint=endpoint, folder="CI")
    for holder, count in ((house.piotr, theirs), (house.nora, others // 2), (house.dieter, others - others // 2)):
        for _ in range(count):
            make_machine(endpoint=endpoint, folder="CI", holder=holder)

    assert ("p.zielinski" in [who for who, _score, _what in found_of(machine)]) is found


def test_machines_of_a_team_and_of_its_people_are_neighbours_of_the_team(house):
    endpoint = make_endpoint()
    machine = stray(endpoint=endpoint, folder="CI")
    make_machine(endpoint=endpoint, folder="CI", team=house.web)
    make_machine(endpoint=endpoint, folder="CI", holder=house.aylin)

    assert found_of(machine) == [("Web Shops", 14, ["folder_neighbours"])]


def test_neighbours_on_a_network(house):
    endpoint = make_endpoint()
    network = Network.objects.create(endpoint=endpoint, ref="net-1", name="ci-build")
    machine = stray(endpoint=endpoint)
    for number, each in enumerate([machine, *(make_machine(endpoint=endpoint, holder=house.piotr) for _ in range(2))]):
        Nic.objects.create(machine=each, ref=str(number), network=network)

    assert found_of(machine) == [("p.zielinski", 8, ["network_neighbours"])]


def test_former_holders_of_this_row(house):
    machine = stray()
    make_tenure(machine, holder=house.nora, ended_at=datetime(2026, 2, 1, tzinfo=UTC))
    make_tenure(
        machine, holder=house.aylin,
        started_at=datetime(2026, 2, 1, tzinfo=UTC), ended_at=datetime(2026, 3, 1, tzinfo=UTC),
    )  # fmt: skip

    assert found_of(machine) == [("akaya", 45, ["held"])]


def test_former_holders_of_the_machine_with_this_uuid(house):
    former = make_machine(holder=house.aylin, stage=Stage.REMOVED)
    make_tenure(former, ended_at=datetime(2026, 3, 1, tzinfo=UTC))

    assert found_of(stray(uuid=former.uuid)) == [("akaya", 30, ["held_alike"])]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ({"name": "VM-0417"}, "cmdb_name"),
        ({"uuid": UUID(int=7)}, "cmdb_uuid"),
        ({"address": "10.1.2.3"}, "cmdb_address"),
        ({"name": "vm-0417", "uuid": UUID(int=7), "address": "10.1.2.3"}, "cmdb_uuid"),
    ],
)
@pytest.mark.parametrize(
    "owner", ["akaya", "Aylin Kaya", "Kaya, Aylin", "aylin.kaya@example.org", "CORP\\akaya", "Aylin Kaya (akaya)"]
)
def test_the_inventory_names_owners(house, line, what, owner):
    make_inventory(line | {"owner": owner})

    assert found_of(stray(uuid=UUID(int=7), addresses=["fe80::1", "10.1.2.3"])) == [("akaya", _points(what), [what])]


def test_lines_that_contradict_each_other_say_nothing(house):
    make_inventory({"name": "vm-0417", "owner": "akaya"}, {"name": "vm-0417", "owner": "nwinkler"})

    assert found_of(stray()) == []


def test_what_the_inventory_does_not_know_counts_less(house):
    make_inventory({"name": "another", "owner": "nwinkler"})

    assert found_of(stray(created_by="akaya")) == [("akaya", 35, ["created_by", "no_cmdb"])]


def test_whom_the_inventory_contradicts_counts_less(house):
    make_inventory({"name": "vm-0417", "owner": "nwinkler"})

    assert found_of(stray(created_by="akaya")) == [
        ("nwinkler", 35, ["cmdb_name"]),
        ("akaya", 25, ["created_by", "cmdb_other"]),
    ]


def test_an_owner_whom_nobody_knows_speaks_against_all(house):
    make_inventory({"name": "vm-0417", "owner": "Fred from accounting"})

    assert found_of(stray(created_by="akaya")) == [("akaya", 25, ["created_by", "cmdb_other"])]


def test_a_team_in_the_inventory_does_not_speak_against_its_people(house):
    make_inventory({"name": "vm-0417", "owner": "Web Shops"})

    assert found_of(stray(created_by="akaya")) == [("akaya", 40, ["created_by"]), ("Web Shops", 35, ["cmdb_name"])]


def _rule(**fields):
    return EstateRule.objects.create(**{"name": "CI", "effect": "hint", "made_at": "2026-01-01T00:00Z"} | fields)


@pytest.mark.parametrize("effect", ["hint", "adopt"])
def test_rules_name_people_and_teams(house, effect):
    _rule(effect=effect, person=house.aylin, folder="CI/*")
    _rule(name="lt", effect=effect, team=house.web, machine_name="vm-04??")

    assert found_of(stray(folder="ci/agents")) == [("akaya", 35, ["rule_place"]), ("Web Shops", 35, ["rule_text"])]


@pytest.mark.parametrize("fields", [{"enabled": False}, {"effect": "managed", "managed_by": "VDI"}])
def test_other_rules_name_nobody(house, fields):
    _rule(person=house.aylin, folder="CI/*", **fields)

    assert found_of(stray(folder="CI/agents")) == []


def test_everything_that_is_held_or_managed_has_no_candidates(house):
    stray(created_by="akaya", managed_by="vCLS")
    stray(created_by="akaya", managed_rule="VDI")
    make_machine(created_by="akaya", holder=house.nora)
    stray(created_by="akaya", stage=Stage.REMOVED)

    assert found_of(stray(created_by="akaya")) == [("akaya", 40, ["created_by"])]
    assert HolderCandidate.objects.count() == 1


def test_a_machine_whose_holder_has_left_has_candidates(house):
    machine = make_machine(holder=house.dieter)
    make_tenure(machine)

    assert found_of(machine) == [("nwinkler", 45 * 75 // 100, ["held"])]


def test_candidates_of_a_machine_that_somebody_holds_now_are_taken_away(house):
    machine = stray(created_by="akaya")
    assert found_of(machine)

    Machine.objects.filter(pk=machine.pk).update(stage=Stage.ACTIVE, holder=house.nora)

    assert found_of(machine) == []
