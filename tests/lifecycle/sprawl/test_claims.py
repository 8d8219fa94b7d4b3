"""The board that everybody sees, and claims: who may, what each decision entails, and whoever comes second."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from lifecycle import clock
from lifecycle.errors import Conflict, Forbidden, Invalid
from lifecycle.estate.models import Machine, Stage
from lifecycle.models import Entry, Notice
from lifecycle.sprawl import board, claims
from lifecycle.sprawl.adoption import give_holder
from lifecycle.sprawl.models import BoardPlace, Claim
from tests.lifecycle.factories import make_admin, make_machine, make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def at():
    team = make_team("Web Shops")
    people = {name: make_user(name, team=team) for name in ("lena", "piotr")}
    people["admin"], people["other"] = make_admin("ingrid"), make_admin("karin")
    machine = make_machine("stray")
    board.put_up([machine], by=people["admin"])
    return SimpleNamespace(machine=machine, team=team, **people)


def _claim(at, by, **changes) -> Claim:
    terms: dict[str, Any] = {
        "reason": "I made it",
        "purpose": "Shop tests",
        "last_day": clock.now().date() + timedelta(days=30),
    }
    return claims.claim(at.machine, **terms | changes, by=by)


def _kinds(person) -> list[str]:
    return list(Notice.objects.filter(recipient=person).order_by("pk").values_list("kind", flat=True))


def test_board_shows_what_was_put_up_once(at):
    assert [place.machine for place in board.shown()] == [at.machine]
    assert board.put_up([at.machine], by=at.other) == 0
    assert Entry.objects.filter(verb="machine.put_on_board").count() == 1


@pytest.mark.parametrize(
    "fields",
    [{"managed_by": "vCLS"}, {"managed_rule": "Lab"}, {"stage": Stage.REMOVED}, {"missing_since": clock.now()}],
)
def test_board_takes_and_shows_only_what_nobody_holds(at, fields):
    other = make_machine(**fields)
    Machine.objects.filter(pk=at.machine.pk).update(**fields)

    assert board.put_up([other], by=at.admin) == 0
    assert not board.shown().exists()


def test_board_takes_down(at):
    assert board.take_down([at.machine], by=at.admin) == 1
    assert board.take_down([at.machine], by=at.admin) == 0
    assert not board.shown().exists()


@pytest.mark.parametrize("do", [board.put_up, board.take_down])
def test_board_is_filled_by_administrators(at, do):
    with pytest.raises(Forbidden):
        do([at.machine], by=at.lena)


def test_claim_tells_the_administrators(at):
    made = _claim(at, at.lena)

    assert (made.state, made.machine, made.by) == ("open", at.machine, at.lena)
    assert [_kinds(person) for person in (at.admin, at.other, at.lena)] == [["claim_waits"], ["claim_waits"], []]


def test_claim_twice_is_one(at):
    _claim(at, at.lena)

    with pytest.raises(Conflict, match="claimed stray already"):
        _claim(at, at.lena)

    assert Claim.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"purpose": " "}, "purpose"),
        ({"last_day": clock.now().date() - timedelta(days=2)}, "last_day"),
    ],
)
def test_claim_needs_its_words(at, changes, field):
    with pytest.raises(Invalid) as caught:
        _claim(at, at.lena, **changes)

    assert caught.value.field == field


def test_claim_for_the_team_needs_one(at):
    with pytest.raises(Invalid, match="You are in no team"):
        _claim(at, make_user(), for_team=True)


def test_claim_of_what_is_not_on_the_board(at):
    board.take_down([at.machine], by=at.admin)

    with pytest.raises(Conflict, match="not on the board any more"):
        _claim(at, at.lena)


def test_accept_gives_the_machine_and_overtakes_the_others(at):
    first, second = _claim(at, at.lena), _claim(at, at.piotr)

    claims.accept(second, by=at.admin)

    at.machine.refresh_from_db()
    first.refresh_from_db()
    assert (at.machine.holder, at.machine.purpose, first.state) == (at.piotr, "Shop tests", "overtaken")
    assert (_kinds(at.lena), _kinds(at.piotr)) == (["claim_overtaken"], ["claim_accepted"])
    assert not BoardPlace.objects.exists()


def test_accept_for_the_team(at):
    claims.accept(_claim(at, at.lena, for_team=True), by=at.admin)

    at.machine.refresh_from_db()
    assert (at.machine.holder, at.machine.team) == (None, at.team)
    assert (_kinds(at.lena), _kinds(at.piotr)) == (["claim_accepted"], ["adopted"])


def test_accept_after_the_claimed_day_takes_a_new_one(at):
    claim = _claim(at, at.lena)
    claim.last_day = clock.now().date() - timedelta(days=3)
    claim.save()

    with pytest.raises(Invalid, match="In the past"):
        claims.accept(claim, by=at.admin)
    claim.refresh_from_db()
    assert claim.state == "open"

    later = clock.now().date() + timedelta(days=10)
    assert claims.accept(claim, by=at.admin, last_day=later).ends_at.date() == later


def test_refuse_says_why_and_leaves_the_board(at):
    claim = claims.refuse(_claim(at, at.lena), words="It belongs to the shop team.", by=at.admin)

    assert (claim.state, claim.answer, claim.decided_by) == ("refused", "It belongs to the shop team.", at.admin)
    assert Notice.objects.get(recipient=at.lena).context["words"] == "It belongs to the shop team."
    assert board.shown().exists()
    assert _claim(at, at.lena).state == "open"


def test_refuse_needs_words(at):
    with pytest.raises(Invalid):
        claims.refuse(_claim(at, at.lena), words=" ", by=at.admin)


def test_withdraw_is_for_the_claimant(at):
    claim = _claim(at, at.lena)

    with pytest.raises(Forbidden):
        claims.withdraw(claim, by=at.piotr)
    assert claims.withdraw(claim, by=at.lena).state == "withdrawn"


@pytest.mark.parametrize("decide", [claims.accept, lambda claim, by: claims.refuse(claim, words="No", by=by)])
def test_nobody_decides_their_own_claim(at, decide):
    claim = _claim(at, at.admin)

    with pytest.raises(Forbidden, match="Nobody decides their own claim"):
        decide(claim, by=at.admin)
    decide(claim, by=at.other)


@pytest.mark.parametrize("who", ["lena", "piotr"])
def test_only_administrators_decide(at, who):
    with pytest.raises(Forbidden, match="Only administrators"):
        claims.accept(_claim(at, at.lena), by=getattr(at, who))


def test_second_decision_finds_it_decided(at):
    claim = _claim(at, at.lena)
    same = Claim.objects.get()
    claims.accept(claim, by=at.admin)

    with pytest.raises(Conflict, match="decided already: accepted"):
        claims.accept(same, by=at.other)
    with pytest.raises(Conflict, match="decided already"):
        claims.refuse(same, words="No", by=at.other)
    with pytest.raises(Conflict, match="decided already"):
        claims.withdraw(same, by=at.lena)


def test_holder_by_other_ways_overtakes_claims(at):
    claim = _claim(at, at.lena)
    last_day = clock.now().date() + timedelta(days=9)

    give_holder(at.machine, holder=at.piotr, purpose="Found its maker", last_day=last_day, by=at.admin)

    claim.refresh_from_db()
    assert (claim.state, claim.answer) == ("overtaken", "Somebody holds it now.")
    assert not BoardPlace.objects.exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"stage": Stage.REMOVED}, "It is not there any more."),
        ({"managed_by": "vCLS"}, "It belongs to something that manages it."),
    ],
)
def test_tidy_clears_what_needs_no_holder(at, fields, words):
    claim = _claim(at, at.lena)
    Machine.objects.filter(pk=at.machine.pk).update(**fields)

    assert board.tidy() == 1
    assert board.tidy() == 0
    claim.refresh_from_db()
    assert (claim.state, claim.answer, _kinds(at.lena)) == ("overtaken", words, ["claim_overtaken"])


def test_tidy_waits_for_what_is_missing_for_a_moment(at):
    _claim(at, at.lena)
    Machine.objects.filter(pk=at.machine.pk).update(missing_since=clock.now())

    assert board.tidy() == 0


def test_waiting_are_the_open_claims_of_others(at):
    mine, hers = _claim(at, at.admin), _claim(at, at.lena)

    assert list(claims.waiting(at.admin)) == [hers]
    assert list(claims.waiting(at.other)) == [mine, hers]
    assert list(claims.visible_to(at.lena)) == [hers]
