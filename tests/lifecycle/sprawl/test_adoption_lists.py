"""Lists of machines and whose they are: read, tried without writing, applied row by row, and only once."""

import uuid
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from lifecycle import clock
from lifecycle.errors import Conflict, Forbidden, Invalid
from lifecycle.estate.models import Machine, Stage
from lifecycle.leases.models import Lease
from lifecycle.models import Entry, Notice, Operation
from lifecycle.sprawl.lists import apply_list, go_on, look_again, try_list, try_selection
from lifecycle.sprawl.models import AdoptionList, AdoptionRow
from tests.lifecycle.factories import make_admin, make_endpoint, make_machine, make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def at():
    return SimpleNamespace(
        admin=make_admin("ingrid"),
        lena=make_user("lena", first_name="Lena", last_name="Kühn", email="lena@example.org"),
        team=make_team("Web Shops"),
        north=make_endpoint("North"),
        south=make_endpoint("South"),
    )


def _day(days: int = 30) -> str:
    return (clock.now().date() + timedelta(days=days)).isoformat()


def _tried(at, text: str, *, head: str = "machine,holder,purpose,last_day", by=None) -> AdoptionList:
    return try_list(f"{head}\n{text}".encode(), file_name="whose.csv", by=by or at.admin)


def _row(at, text: str, **given) -> AdoptionRow:
    return _tried(at, text, **given).rows.get()


def _outcomes(kept: AdoptionList) -> list[str]:
    return list(kept.rows.values_list("outcome", flat=True))


def test_a_row_that_is_ready(at):
    machine = make_machine("web-1", endpoint=at.north)

    row = _row(at, f"web-1,lena,Shop,{_day()}")

    assert (row.outcome, row.number, row.machine, row.person, row.team) == ("ready", 2, machine, at.lena, None)
    assert (row.purpose, str(row.last_day), row.problem) == ("Shop", _day(), "")


def test_trying_writes_nothing_but_the_list(at):
    machine = make_machine("web-1", endpoint=at.north)
    _tried(at, f"web-1,lena,Shop,{_day()}")

    machine.refresh_from_db()
    assert (machine.stage, Lease.objects.count(), Entry.objects.count()) == (Stage.DISCOVERED, 0, 0)


@pytest.mark.parametrize(
    "head",
    [
        "machine;owner;purpose;last day",
        "\ufeffVM;Holder or team;Zweck;Letzter Tag",
        "Name;Besitzer;PURPOSE;lease-end",
        "uuid;person;reason;until;something else",
    ],
)
def test_heads_as_people_write_them(at, head):
    make_machine("web-ü", endpoint=at.north)
    more = ";x" if "else" in head else ""

    row = _row(at, f"web-ü;Lena Kühn;Prüfung;{_day()}{more}", head=head)

    assert (row.outcome, row.person, row.purpose) == ("ready", at.lena, "Prüfung")


def test_unknown_columns_are_named(at):
    make_machine("web-1", endpoint=at.north)
    kept = _tried(at, f"web-1,lena,Shop,{_day()},x", head="machine,holder,purpose,last_day,colour")

    assert kept.unknown == ["colour"]


@pytest.mark.parametrize("word", ["lena", "LENA@example.org", "lena kühn"])
def test_holders_by_user_name_mail_or_full_name(at, word):
    make_machine("web-1", endpoint=at.north)

    assert _row(at, f"web-1,{word},Shop,{_day()}").person == at.lena


def test_teams_by_name_in_either_column(at):
    make_machine("web-1", endpoint=at.north)

    assert _row(at, f"web-1,web shops,Shop,{_day()}").team == at.team
    assert _row(at, f"web-1,Web Shops,Shop,{_day()}", head="machine,team,purpose,last_day").team == at.team


def test_machines_by_number_uuid_and_endpoint(at):
    wanted = make_machine("web-1", endpoint=at.north)
    make_machine("web-1", endpoint=at.south)

    for word in (f"#{wanted.pk}", str(wanted.pk), str(wanted.uuid), str(wanted.uuid).upper(), "North/web-1"):
        assert _row(at, f"{word},lena,Shop,{_day()}").machine == wanted


def test_a_name_comes_before_a_number(at):
    other = make_machine(endpoint=at.north)
    called = make_machine(str(other.pk), endpoint=at.north)

    assert _row(at, f"{other.pk},lena,Shop,{_day()}").machine == called
    assert _row(at, f"#{other.pk},lena,Shop,{_day()}").machine == other


def test_names_with_slashes(at):
    machine = make_machine("a/b", endpoint=at.north)

    for word in ("a/b", "North/a/b"):
        assert _row(at, f"{word},lena,Shop,{_day()}").machine == machine


def test_a_gone_machine_hides_no_other_of_its_name(at):
    make_machine("web-1", endpoint=at.north, stage=Stage.REMOVED)
    there = make_machine("web-1", endpoint=at.south)

    assert _row(at, f"web-1,lena,Shop,{_day()}").machine == there


@pytest.mark.parametrize(
    ("line", "outcome", "problem"),
    [
        ("nowhere,lena,Shop,{day}", "refused", "No machine is called nowhere."),
        (",lena,Shop,{day}", "refused", "No machine is called ."),
        ("twice,lena,Shop,{day}", "refused", "2 machines are called that: North/twice"),
        ("held,lena,Shop,{day}", "held", "Lena Kühn holds it already."),
        ("vcls,lena,Shop,{day}", "managed", "vCenter manages it."),
        ("gone,lena,Shop,{day}", "refused", "It is not there any more."),
        ("free,nobody,Shop,{day}", "refused", "Nobody here is called nobody."),
        ("free,same@example.org,Shop,{day}", "refused", "2 people are called same@example.org. Write the user name."),
        ("free,left,Shop,{day}", "refused", "left has left."),
        ("free,,Shop,{day}", "refused", "It names nobody: a person or a team."),
        ("free,lena,,{day}", "refused", "Say what the machine is for."),
        ("free,lena,Shop,", "refused", "It has no last day."),
        ("free,lena,Shop,soon", "refused", "soon is not a day. Write it as 2026-12-31."),
        ("free,lena,Shop,2020-01-01", "refused", "In the past."),
        ("free,lena,Shop,2099-01-01", "refused", "Too far."),
        ("free,lena,Shop", "refused", "It has 3 cells and the first line 4."),
        ("free,,,", "empty", ""),
    ],
)
def test_what_becomes_of_a_row(at, line, outcome, problem):
    make_machine("free", endpoint=at.north)
    make_machine("twice", endpoint=at.north)
    make_machine("twice", endpoint=at.south)
    make_machine("held", endpoint=at.north, holder=at.lena)
    make_machine("vcls", endpoint=at.north, managed_by="vCenter")
    make_machine("gone", endpoint=at.north, stage=Stage.REMOVED)
    make_user("left", is_active=False)
    for _ in range(2):
        make_user(email="same@example.org")

    row = _row(at, line.format(day=_day()))

    assert row.outcome == outcome
    assert row.problem.startswith(problem), row.problem
    assert bool(row.problem) == bool(problem)


def test_a_person_and_a_team_is_too_much(at):
    make_machine("web-1", endpoint=at.north)

    row = _row(at, f"web-1,lena,Web Shops,Shop,{_day()}", head="machine,holder,team,purpose,last_day")

    assert row.problem == "It names a person and a team. Choose one."


def test_a_machine_twice_in_a_file_is_given_to_nobody(at):
    machine = make_machine("web-1", endpoint=at.north)

    kept = _tried(at, f"web-1,lena,Shop,{_day()}\n#{machine.pk},web shops,Shop,{_day()}")

    assert _outcomes(kept) == ["refused", "refused"]


def test_what_a_spreadsheet_kept_from_calculating_is_read_as_it_was(at):
    machine = make_machine("=web", endpoint=at.north)

    assert _row(at, f"'=web,lena,'-tests-,{_day()}").machine == machine


def test_a_file_without_its_columns_is_refused(at):
    with pytest.raises(Invalid, match="there is none called last_day"):
        _tried(at, "web-1,lena,Shop", head="machine,holder,purpose")


def test_apply_gives_each_and_says_why_not(at):
    given, late = make_machine("web-1", endpoint=at.north), make_machine("web-2", endpoint=at.north)
    kept = _tried(at, f"web-1,lena,Shop,{_day()}\nweb-2,lena,Shop,{_day()}\nnowhere,lena,Shop,{_day()}")
    Machine.objects.filter(pk=late.pk).update(managed_rule="Kubernetes")

    apply_list(kept, by=at.admin)
    go_on(kept.pk)

    kept.refresh_from_db()
    assert (kept.state, kept.applied_by, _outcomes(kept)) == ("applied", at.admin, ["given", "managed", "refused"])
    assert kept.rows.get(number=3).problem == "Kubernetes manages it."
    assert Machine.objects.get(pk=given.pk).holder == at.lena
    assert Operation.objects.filter(machine=given, kind=Operation.Kind.ANNOTATE).exists()
    assert Entry.objects.get(verb="adoptions.applied").detail == {"given": 1, "managed": 1, "refused": 1}
    assert [notice.subject for notice in Notice.objects.filter(recipient=at.lena)] == ["web-1 is yours now"]


def test_apply_goes_on_where_it_was_stopped(at):
    for number in range(3):
        make_machine(f"web-{number}", endpoint=at.north)
    kept = _tried(at, "\n".join(f"web-{number},lena,Shop,{_day()}" for number in range(3)))
    apply_list(kept, by=at.admin)

    go_on(kept.pk, longest=0)
    kept.refresh_from_db()
    assert kept.state == "applying"
    go_on()

    kept.refresh_from_db()
    assert (kept.state, _outcomes(kept)) == ("applied", ["given"] * 3)


def test_apply_twice_gives_nothing_twice(at):
    make_machine("web-1", endpoint=at.north)
    kept = _tried(at, f"web-1,lena,Shop,{_day()}")
    apply_list(kept, by=at.admin)
    with pytest.raises(Conflict, match="applied already"):
        apply_list(kept, by=at.admin)

    go_on(kept.pk)
    go_on(kept.pk)

    assert (Lease.objects.count(), Notice.objects.count()) == (1, 1)


def test_two_lists_of_one_machine_give_it_once(at):
    make_machine("web-1", endpoint=at.north)
    first, second = (_tried(at, f"web-1,{who},Shop,{_day()}") for who in ("lena", "web shops"))
    for kept in (first, second):
        apply_list(kept, by=at.admin)
    go_on()

    assert (_outcomes(first), _outcomes(second)) == (["given"], ["held"])
    assert second.rows.get().problem == "Lena Kühn holds it already."


def test_look_again_sees_the_estate_as_it_is_now(at):
    held = make_machine("web-1", endpoint=at.north)
    kept = _tried(at, f"web-1,lena,Shop,{_day()}\nweb-2,lena,Shop,{_day()}\nweb-3,lena")
    Machine.objects.filter(pk=held.pk).update(stage=Stage.ACTIVE, holder=at.lena)
    make_machine("web-2", endpoint=at.north)

    look_again(kept, by=at.admin)

    assert _outcomes(kept) == ["held", "ready", "refused"]
    assert kept.rows.get(number=4).problem == "It has 2 cells and the first line 4."


def test_look_again_is_too_late_once_applied(at):
    make_machine("web-1", endpoint=at.north)
    kept = apply_list(_tried(at, f"web-1,lena,Shop,{_day()}"), by=at.admin)

    with pytest.raises(Conflict):
        look_again(kept, by=at.admin)


def test_a_selection_is_a_list_like_any_other(at):
    free, held = make_machine("web-1", endpoint=at.north), make_machine("web-2", endpoint=at.north, holder=at.lena)
    last_day = clock.now().date() + timedelta(days=30)

    kept = try_selection([free, held], team=at.team, purpose="Shop", last_day=last_day, by=at.admin)

    assert (kept.name, _outcomes(kept)) == ("2 selected for Web Shops", ["ready", "held"])
    look_again(kept, by=at.admin)
    assert _outcomes(kept) == ["ready", "held"]
    apply_list(kept, by=at.admin)
    go_on()
    assert Machine.objects.get(pk=free.pk).team == at.team


def test_a_selection_of_nothing(at):
    with pytest.raises(Invalid, match="Select at least one machine"):
        try_selection([], holder=at.lena, purpose="Shop", last_day=clock.now().date() + timedelta(days=9), by=at.admin)


def test_lists_are_for_administrators(at):
    make_machine("web-1", endpoint=at.north)
    with pytest.raises(Forbidden):
        _tried(at, f"web-1,lena,Shop,{_day()}", by=at.lena)
    with pytest.raises(Forbidden):
        apply_list(_tried(at, f"web-1,lena,Shop,{_day()}"), by=at.lena)


@pytest.mark.parametrize("count", [3, 60])
def test_a_list_asks_as_often_for_many_as_for_few(at, count):
    for number in range(count):
        make_machine(f"web-{number}", endpoint=at.north)
    text = "\n".join(f"web-{number},lena,Shop,{_day()}" for number in range(count))

    with CaptureQueriesContext(connection) as queries:
        kept = _tried(at, text)

    assert len(queries) == 7
    assert _outcomes(kept) == ["ready"] * count


def test_hostile_words_stay_words(at):
    make_machine("web-1", endpoint=at.north)

    row = _row(at, f"<script>alert(1)</script>,{uuid.uuid4()},Shop,{_day()}")

    assert row.problem == "No machine is called <script>alert(1)</script>."


def test_a_row_that_breaks_costs_only_itself(at):
    broken, fine = make_machine("web-1", endpoint=at.north), make_machine("web-2", endpoint=at.north)
    kept = _tried(at, f"web-1,lena,Shop,{_day()}\nweb-2,lena,Shop,{_day()}")
    apply_list(kept, by=at.admin)
    # A lease that was left behind: the database refuses a second one.
    ends_at = clock.now() + timedelta(days=9)
    Lease.objects.create(
        machine=broken, started_at=clock.now(), ends_at=ends_at, end_set_at=clock.now(), latest_end=ends_at,
        zone="UTC", grace_days=7, restore_days=7, warn_days=[7],
    )  # fmt: skip

    go_on()

    kept.refresh_from_db()
    assert (kept.state, _outcomes(kept)) == ("applied", ["refused", "given"])
    assert kept.rows.get(machine=broken).problem == "It failed, and nothing was changed. The log says why."
    assert Machine.objects.get(pk=broken.pk).stage == Stage.DISCOVERED
    assert Machine.objects.get(pk=fine.pk).holder == at.lena
