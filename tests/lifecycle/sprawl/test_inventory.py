"""The inventory that was kept by hand: tried line by line, put in force in place of the one before, and removed."""

from uuid import UUID

import pytest

from lifecycle.audit.models import Entry
from lifecycle.errors import Conflict, Forbidden, Invalid
from lifecycle.sprawl import inventory
from lifecycle.sprawl.attribution import attribute
from lifecycle.sprawl.inventory import counts, put_in_force, remove_inventory, try_inventory
from lifecycle.sprawl.models import CmdbFile, CmdbRow, HolderCandidate
from tests.lifecycle.factories import make_admin, make_machine, make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(db):
    return make_admin("ingrid")


@pytest.fixture
def lena(db):
    return make_user("lena", first_name="Lena", last_name="Brandt", email="lena@example.org")


def _try(admin, text, name="cmdb.csv"):
    return try_inventory(text if isinstance(text, bytes) else text.encode(), file_name=name, by=admin)


def _lines(file):
    return list(file.rows.values_list("number", "name", "owner", "outcome"))


def test_each_line_says_what_it_would_say(admin, lena):
    make_team("Web Shops")
    make_machine("Jenkins-1")
    make_machine("shop-1", uuid=UUID(int=5), addresses=["10.0.0.7"])

    file = _try(
        admin,
        "name,uuid,address,owner,note\n"
        "jenkins-1,,,Lena Brandt,old\n"
        f",{UUID(int=5)},,web shops,\n"
        ",,10.0.0.7,lena@example.org,\n"
        "jenkins-1,,,Fred,\n"
        "not-there,,,lena,\n"
        "jenkins-1,,,,\n"
        ",,,lena,only a note\n"
        "jenkins-1,not-a-uuid,,lena,\n"
        "jenkins-1,,999.1.1.1,lena,\n",
    )

    assert _lines(file) == [
        (2, "jenkins-1", "Lena Brandt", "fits"),
        (3, "", "web shops", "fits"),
        (4, "", "lena@example.org", "fits"),
        (5, "jenkins-1", "Fred", "owner_unknown"),
        (6, "not-there", "lena", "no_machine"),
        (7, "jenkins-1", "", "refused"),
        (8, "", "lena", "refused"),
        (9, "jenkins-1", "lena", "refused"),
        (10, "jenkins-1", "lena", "refused"),
    ]
    problems = list(file.rows.filter(outcome="refused").values_list("problem", flat=True))
    assert problems == [
        "It names no owner.", "It names no machine.", "not-a-uuid is no UUID.", "999.1.1.1 is no address.",
    ]  # fmt: skip
    assert counts(file) == {"fits": 3, "owner_unknown": 1, "no_machine": 1, "refused": 4}


@pytest.mark.parametrize(
    "text",
    [
        "Hostname;Owner\nvm-1;lena\n",
        "\ufeffNAME,owner\r\nvm-1,lena\r\n",
        "VM Name\tResponsible\nvm-1\tlena\n",
        "ci-name,contact,what else\nvm-1,lena,x\n",
        '"name","owner"\n"vm-1","lena"\n',
    ],
)
def test_columns_may_be_called_and_divided_as_people_do(admin, lena, text):
    make_machine("vm-1")

    assert _lines(_try(admin, text)) == [(2, "vm-1", "lena", "fits")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "none called owner"),
        (b"name,note\nvm-1,x\n", "none called owner"),
        (b"owner,note\nlena,x\n", "No column says which machine"),
        (b"name,owner\n", "There is no row"),
        (b"name,owner,owner\nvm-1,a,b\n", "stands there twice"),
        (b"name,owner\n\xff\xfe,lena\n", "not UTF-8"),
        (b'name,owner\n"vm-1,lena\n', "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_changes_nothing(admin, text, words):
    with pytest.raises(Invalid, match=words) as error:
        _try(admin, text)

    assert error.value.field == "file"
    assert not CmdbFile.objects.exists()


def test_hostile_cells_are_text(admin):
    cell = "=cmd|' /C calc'!A0 <script>"
    file = _try(admin, f'name,owner,note\n"{cell}","{cell}","{"x" * 900}"\n')

    row = file.rows.get()
    assert row.name == cell and row.outcome == "owner_unknown" and len(row.note) == 500


def test_a_hundred_thousand_lines_are_read_and_no_more(admin, lena, monkeypatch):
    assert inventory.SHAPE.most_rows == inventory.MOST_ROWS == 100_000
    make_machine("vm-7")

    file = _try(admin, "name,owner\n" + "".join(f"vm-{number},lena\n" for number in range(2000)))

    assert counts(file) == {"fits": 1, "owner_unknown": 0, "no_machine": 1999, "refused": 0}
    with pytest.raises(Invalid, match="more than 100000 rows"):
        _try(admin, "name,owner\n" + "a,b\n" * 100_001)


@pytest.mark.parametrize("count", [1, 30])
def test_trying_asks_the_same_number_of_questions(admin, lena, count, django_assert_num_queries):
    text = "name,owner\n" + "".join(f"vm-{number},person {number}\n" for number in range(count))
    with django_assert_num_queries(9):
        _try(admin, text)


def test_trying_says_nothing_of_machines_yet(admin, lena):
    make_machine("vm-1")
    _try(admin, "name,owner\nvm-1,lena\n")
    attribute()

    assert not HolderCandidate.objects.exists()


def test_the_file_in_force_replaces_the_one_before(admin, lena):
    make_machine("vm-1")
    kim = make_user("kim")
    first = put_in_force(_try(admin, "name,owner\nvm-1,lena\n", "first.csv"), by=admin)
    attribute()
    assert HolderCandidate.objects.get().person == lena

    second = put_in_force(_try(admin, "name,owner\nvm-1,kim\nvm-2,kim\n", "second.csv"), by=admin)
    attribute()

    assert list(CmdbFile.objects.all()) == [second]
    assert CmdbRow.objects.count() == 2
    assert not CmdbFile.objects.filter(pk=first.pk).exists()
    assert HolderCandidate.objects.get().person == kim
    entry = Entry.objects.filter(verb="inventory.put_in_force").latest("pk")
    assert entry.detail == {"before": "first.csv", "fits": 1, "owner_unknown": 0, "no_machine": 1, "refused": 0}


def test_a_file_that_was_only_tried_goes_with_the_next(admin, lena):
    kept = put_in_force(_try(admin, "name,owner\nvm-1,lena\n"), by=admin)
    _try(admin, "name,owner\nvm-2,lena\n")

    last = _try(admin, "name,owner\nvm-3,lena\n")

    assert set(CmdbFile.objects.all()) == {kept, last}


def test_putting_it_in_force_twice_is_a_conflict(admin, lena):
    file = put_in_force(_try(admin, "name,owner\nvm-1,lena\n"), by=admin)

    with pytest.raises(Conflict):
        put_in_force(file, by=admin)


def test_a_removed_inventory_says_nothing(admin, lena):
    make_machine("vm-1")
    file = put_in_force(_try(admin, "name,owner\nvm-1,lena\n"), by=admin)
    attribute()

    remove_inventory(file, by=admin)
    attribute()

    assert not HolderCandidate.objects.exists()
    assert Entry.objects.filter(verb="inventory.removed").count() == 1


def test_refused_lines_are_no_evidence(admin, lena):
    make_machine("vm-1")
    put_in_force(_try(admin, "name,uuid,owner\nvm-1,nonsense,lena\nvm-2,,lena\n"), by=admin)
    attribute()

    assert not HolderCandidate.objects.exists()


@pytest.mark.parametrize("role", ["employee", "finance", "auditor"])
def test_inventories_are_for_administrators(admin, lena, role):
    other = make_user(role=role)
    file = _try(admin, "name,owner\nvm-1,lena\n")

    for act in (
        lambda: _try(other, "name,owner\nvm-1,lena\n"),
        lambda: put_in_force(file, by=other),
        lambda: remove_inventory(file, by=other),
    ):
        with pytest.raises(Forbidden):
            act()
    assert CmdbFile.objects.get().state == "tried"
