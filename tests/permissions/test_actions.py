"""Who may do what, whichever entrance they come by: actions.txt, asked of every action that has an actor."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

import lifecycle
from lifecycle import clock, travel
from lifecycle.catalog import actions as catalog
from lifecycle.errors import DomainError, Forbidden
from lifecycle.estate import actions as endpoints
from lifecycle.estate import checking, scanning, sharing
from lifecycle.estate.models import Level
from lifecycle.estate.sync import scan as looks
from lifecycle.leases import actions as leases
from lifecycle.models import (
    AdoptionList,
    Blueprint,
    Claim,
    CmdbFile,
    CostCentre,
    DiskFile,
    Drift,
    Endpoint,
    EstateRule,
    Finding,
    Lease,
    Machine,
    Meter,
    Operation,
    PeopleImport,
    Request,
    SavedView,
    SignIn,
    Size,
    SshKey,
    Team,
    Token,
    User,
)
from lifecycle.money.actions import publish_rate_card
from lifecycle.operations import actions as operations
from lifecycle.operations import drift, power
from lifecycle.people import account, leaving, sessions, sshkeys, teams, tokens
from lifecycle.people import actions as people
from lifecycle.people.imports.applying import apply_import
from lifecycle.people.imports.trying import look_again, try_import
from lifecycle.people.imports.undoing import undo_import
from lifecycle.requests import actions as requests
from lifecycle.requests import leavers
from lifecycle.sprawl import adoption, board, claims, inventory, lists, views
from lifecycle.sprawl.exempting import end_exemption, exempt
from lifecycle.sprawl.files import actions as files
from lifecycle.sprawl.limiting import set_thresholds
from lifecycle.sprawl.releasing import release_adoption
from lifecycle.sprawl.rules import actions as rules
from tests.lifecycle.factories import SSH_KEY, make_admin
from tests.lifecycle.world import World
from tests.permissions.stage import CMDB, HOLDERS, LIST, Stage, make_stage, taken_back
from tests.permissions.table import PEOPLE, Answers, Row, differences, read

FILE = "actions.txt"

INNER = {
    "lifecycle.audit.actions.hand_out": "only reads; the record stands below people, so its pages ask",
    "lifecycle.audit.actions.record": "keeps the record",
    "lifecycle.audit.actions.record_each": "keeps the record",
    "lifecycle.audit.actions.record_many": "keeps the record",
    "lifecycle.audit.actions.record_rows": "keeps the record",
    "lifecycle.estate.stages.move": "the table of moves; whoever calls it has asked",
    "lifecycle.leases.actions.check_adoption": "only reads",
    "lifecycle.leases.actions.restamp": "follows from what was done",
    "lifecycle.leases.actions.stop": "follows from what was done, or from the clock",
    "lifecycle.operations.actions.call_off": "whoever calls it has asked",
    "lifecycle.operations.actions.cancel_waiting": "follows from what was done",
    "lifecycle.operations.actions.order": "writes what was decided",
    "lifecycle.people.imports.planning.plan": "only reads",
    "lifecycle.people.imports.writing.write": "writes what was asked and allowed",
    "lifecycle.replies.actions.claim": "keeps one's own keys",
    "lifecycle.requests.checks.check_draft": "only reads",
    "lifecycle.requests.leavers.reassign_steps": "the clock's, and follows from what was done",
    "lifecycle.requests.provisioning.provision": "follows from the decision",
    "lifecycle.requests.seeding.told": "only reads",
    "lifecycle.requests.provisioning.take_back": "withdrawing has asked",
    "lifecycle.sprawl.adoption.adopt_one": "gives, or says why not; `give_holder` asks",
    "lifecycle.sprawl.lists.template.hand_out": "only reads, and only what they may see",
    "lifecycle.sprawl.reports.hand_out": "only reads, and only what they may see",
    "lifecycle.sprawl.adoption.tell": "follows from what was done",
    "lifecycle.sprawl.files.actions.order_removal": "the clock's",
    "lifecycle.sprawl.board.clear": "follows from what was done",
    "lifecycle.sprawl.board.end": "whoever calls it has asked",
}
"""Functions that take an actor and ask nothing, because something above them has asked, and why that is so."""


class Things:
    """The rows that acts are about, as they are for one of the cast."""

    def __init__(self, stage: Stage, role: str) -> None:
        self.known = stage.known(role)
        self.holder = stage.world.owner
        self.guest = stage.cast["see"]
        self.day = stage.world.day
        self.last_day = stage.world.day(40)
        self.terms: dict[str, Any] = {"holder": self.guest, "purpose": "Kept", "last_day": self.last_day}

    def _row(self, model: type[Any], name: str) -> Any:
        return model.objects.get(pk=self.known[name])

    machine = property(lambda self: self._row(Machine, "machine"))
    lease = property(lambda self: Lease.objects.select_related("machine__endpoint").get(machine=self.known["machine"]))
    request = property(lambda self: self._row(Request, "request"))
    finding = property(lambda self: self._row(Finding, "orphan"))
    stray = property(lambda self: self._row(Machine, "board"))
    claim = property(lambda self: self._row(Claim, "claim"))
    adoption = property(lambda self: self._row(AdoptionList, "adoption"))
    rule = property(lambda self: self._row(EstateRule, "rule"))
    inventory = property(lambda self: self._row(CmdbFile, "inventory"))
    endpoint = property(lambda self: self._row(Endpoint, "endpoint"))
    disk_file = property(lambda self: self._row(DiskFile, "disk-file"))
    drift = property(lambda self: self._row(Drift, "drift"))
    operation = property(lambda self: self._row(Operation, "operation"))
    blueprint = property(lambda self: self._row(Blueprint, "blueprint"))
    size = property(lambda self: self._row(Size, "size"))
    person = property(lambda self: self._row(User, "person"))
    team = property(lambda self: self._row(Team, "team"))
    empty_team = property(lambda self: self._row(Team, "team-delete"))
    centre = property(lambda self: self._row(CostCentre, "cost-centre"))
    empty_centre = property(lambda self: self._row(CostCentre, "cost-centre-delete"))
    token = property(lambda self: self._row(Token, "token"))
    ssh_key = property(lambda self: self._row(SshKey, "ssh-key"))
    view = property(lambda self: self._row(SavedView, "saved-view"))
    session = property(lambda self: self._row(SignIn, "session"))
    kept = property(lambda self: self._row(PeopleImport, "people-import"))


Act = Callable[[Things, User], Any]
SIZE = {"vcpus": 1, "memory_mib": 1024, "disk_mib": 20480}
PRICES = dict.fromkeys(Meter, (1, 1))

ACTS: dict[str, Act] = {
    "catalog.actions.create_size": lambda on, by: catalog.create_size(name="Tiny", **SIZE, by=by),
    "catalog.actions.change_size": lambda on, by: catalog.change_size(on.size, name="Tiny", by=by),
    "catalog.actions.create_blueprint": lambda on, by: catalog.create_blueprint(name="", sizes=[on.size], by=by),
    "catalog.actions.change_blueprint": lambda on, by: catalog.change_blueprint(on.blueprint, offered=False, by=by),
    "estate.actions.add_endpoint": lambda on, by: endpoints.add_endpoint(name="B", kind="simulated", path="b", by=by),
    "estate.actions.change_endpoint": lambda on, by: endpoints.change_endpoint(on.endpoint, name="B", by=by),
    "estate.actions.set_mode": lambda on, by: endpoints.set_mode(
        on.endpoint, Endpoint.Mode.OBSERVE, reason="Night", by=by
    ),
    "estate.actions.set_limits": lambda on, by: endpoints.set_limits(
        on.endpoint, blast_count=3, blast_percent=2, parallel=4, by=by
    ),
    "estate.checking.check": lambda on, by: checking.check(on.endpoint, by=by),
    "estate.scanning.ask_scan": lambda on, by: scanning.ask_scan(on.endpoint, by=by),
    "estate.scanning.ask_files": lambda on, by: scanning.ask_files(on.endpoint, by=by),
    "estate.scanning.ask_stop": lambda on, by: scanning.ask_stop(on.endpoint, by=by),
    "estate.sharing.share": lambda on, by: sharing.share(
        on.machine, recipient=on.empty_team, level=Level.SEE, by=by
    ),
    "estate.sharing.change_share": lambda on, by: sharing.change_share(
        on.machine, recipient=on.guest, level=Level.OPERATE, until=None, by=by
    ),
    "estate.sharing.withdraw_share": lambda on, by: sharing.withdraw_share(on.machine, recipient=on.guest, by=by),
    "estate.sync.scan.sync": lambda on, by: looks.sync(on.endpoint, by=by),
    "leases.actions.adopt": lambda on, by: leases.adopt(
        on.finding.machine, holder=on.person, purpose="Kept", last_day=on.last_day, by=by
    ),
    "leases.actions.extend": lambda on, by: leases.extend(on.lease, last_day=on.last_day, by=by),
    "leases.actions.restore": lambda on, by: leases.restore(on.lease, by=by),
    "leases.actions.give_back": lambda on, by: leases.give_back(on.lease, by=by),
    "leases.actions.hold": lambda on, by: leases.hold(on.lease, reason="Evidence", by=by),
    "leases.actions.release_hold": lambda on, by: leases.release_hold(on.lease, by=by),
    "money.actions.publish_rate_card": lambda on, by: publish_rate_card(
        "2030", on.day(400).replace(day=1), PRICES, by=by
    ),
    "operations.drift.accept": lambda on, by: drift.accept(on.drift, by=by),
    "operations.drift.put_back": lambda on, by: drift.put_back(on.drift, by=by),
    "operations.actions.retry_now": lambda on, by: operations.retry_now(on.operation, by=by),
    "operations.actions.clear": lambda on, by: operations.clear(on.operation, reason="Known", by=by),
    "operations.actions.cancel": lambda on, by: operations.cancel(on.operation, reason="Not needed", by=by),
    "operations.actions.resolve": lambda on, by: operations.resolve(
        on.operation, Operation.Verdict.FAILED, reason="Cleared by hand", by=by
    ),
    "operations.actions.pause": lambda on, by: operations.pause(reason="Fire drill", by=by),
    "operations.actions.resume": lambda on, by: operations.resume(by=by),
    "operations.power.start": lambda on, by: power.start(on.machine, by=by),
    "operations.power.shut_down": lambda on, by: power.shut_down(on.machine, by=by),
    "operations.power.restart": lambda on, by: power.restart(on.machine, by=by),
    "people.account.change_password": lambda on, by: account.change_password(
        on.holder, password="a-long-new-one-7", by=by
    ),
    "people.account.set_zone": lambda on, by: account.set_zone(on.holder, "Asia/Tokyo", by=by),
    "people.sessions.end": lambda on, by: sessions.end(on.session, by=by),
    "people.sessions.end_others": lambda on, by: sessions.end_others(on.holder, keep="", by=by),
    "people.sshkeys.add": lambda on, by: sshkeys.add(on.holder, key=SSH_KEY, by=by),
    "people.sshkeys.remove": lambda on, by: sshkeys.remove(on.ssh_key, by=by),
    "people.tokens.make": lambda on, by: tokens.make(
        on.holder, name="nightly", scope=Token.Scope.READ, last_day=on.last_day, by=by
    ),
    "people.tokens.revoke": lambda on, by: tokens.revoke(on.token, by=by),
    "people.tokens.revoke_all": lambda on, by: tokens.revoke_all(on.holder, by=by),
    "people.actions.set_supervisor": lambda on, by: people.set_supervisor(on.person, on.guest, by=by),
    "people.actions.add_person": lambda on, by: people.add_person("nils", email="nils@example.org", by=by),
    "people.actions.change_person": lambda on, by: people.change_person(on.person, last_name="Zorn", by=by),
    "people.actions.set_password": lambda on, by: people.set_password(on.person, "a long one for tests", by=by),
    "people.imports.applying.apply_import": lambda on, by: apply_import(on.kept, by=by),
    "people.imports.trying.try_import": lambda on, by: try_import(LIST, file_name="a.csv", by=by),
    "people.imports.trying.look_again": lambda on, by: look_again(on.kept, by=by),
    "people.imports.undoing.undo_import": lambda on, by: undo_import(on.kept, by=by),
    "people.leaving.set_left": lambda on, by: leaving.set_left(on.person, left_on=on.last_day, by=by),
    "people.leaving.bring_back": lambda on, by: leaving.bring_back(on.person, by=by),
    "people.teams.create_team": lambda on, by: teams.create_team(name="Night", cost_centre=on.centre, by=by),
    "people.teams.change_team": lambda on, by: teams.change_team(on.team, name="Night", by=by),
    "people.teams.delete_team": lambda on, by: teams.delete_team(on.empty_team, by=by),
    "people.teams.create_cost_centre": lambda on, by: teams.create_cost_centre(code="9999", name="Rest", by=by),
    "people.teams.change_cost_centre": lambda on, by: teams.change_cost_centre(on.centre, name="Rest", by=by),
    "people.teams.delete_cost_centre": lambda on, by: teams.delete_cost_centre(on.empty_centre, by=by),
    "requests.actions.submit": lambda on, by: requests.submit(
        blueprint=on.blueprint, size=on.size, name="one-more", purpose="To try", last_day=on.last_day,
        key=uuid.uuid4().hex, by=by,
    ),
    "requests.actions.approve": lambda on, by: requests.approve(on.request, by=by),
    "requests.actions.refuse": lambda on, by: requests.refuse(on.request, comment="Not now", by=by),
    "requests.actions.cancel": lambda on, by: requests.cancel(on.request, by=by),
    "requests.actions.may_decide": lambda on, by: requests.may_decide(on.request, by=by),
    "requests.leavers.leave": lambda on, by: leavers.leave(on.person, left_on=on.last_day, by=by),
    "requests.leavers.apply_people": lambda on, by: leavers.apply_people(on.kept, by=by),
    "sprawl.adoption.assign_holder": lambda on, by: adoption.assign_holder(on.finding, **on.terms, by=by),
    "sprawl.adoption.give_holder": lambda on, by: adoption.give_holder(on.stray, **on.terms, by=by),
    "sprawl.adoption.adopt_many": lambda on, by: adoption.adopt_many([on.stray], **on.terms, by=by),
    "sprawl.rules.actions.add_rule": lambda on, by: rules.add_rule(
        name="CI", effect="hint", machine_name="ci-*", person=on.holder, by=by
    ),
    "sprawl.rules.actions.change_rule": lambda on, by: rules.change_rule(on.rule, machine_name="ci-*", by=by),
    "sprawl.rules.actions.set_enabled": lambda on, by: rules.set_enabled(on.rule, False, by=by),
    "sprawl.rules.actions.remove_rule": lambda on, by: rules.remove_rule(on.rule, by=by),
    "sprawl.rules.actions.apply_rule": lambda on, by: rules.apply_rule(on.rule, by=by),
    "sprawl.inventory.try_inventory": lambda on, by: inventory.try_inventory(CMDB, file_name="a.csv", by=by),
    "sprawl.inventory.put_in_force": lambda on, by: inventory.put_in_force(on.inventory, by=by),
    "sprawl.inventory.remove_inventory": lambda on, by: inventory.remove_inventory(on.inventory, by=by),
    "sprawl.board.put_up": lambda on, by: board.put_up([on.stray], by=by),
    "sprawl.files.actions.retire": lambda on, by: files.retire(on.disk_file, reason="Nobody knows it", by=by),
    "sprawl.files.actions.restore": lambda on, by: files.restore(on.disk_file, by=by),
    "sprawl.files.actions.set_removal": lambda on, by: files.set_removal(
        on.disk_file, on.day(30), reason="Audit", by=by
    ),
    "sprawl.files.actions.vouch": lambda on, by: files.vouch(on.disk_file.datastore, reason="All here", by=by),
    "sprawl.files.actions.withdraw_word": lambda on, by: files.withdraw_word(
        on.disk_file.datastore, reason="Not all", by=by
    ),
    "sprawl.board.take_down": lambda on, by: board.take_down([on.stray], by=by),
    "sprawl.views.save_view": lambda on, by: views.save_view(page="findings", name="Mine", query="kind=idle", by=by),
    "sprawl.views.delete_view": lambda on, by: views.delete_view(on.view, by=by),
    "sprawl.claims.claim": lambda on, by: claims.claim(
        on.stray, reason="I made it", purpose="Kept", last_day=on.last_day, by=by
    ),
    "sprawl.claims.withdraw": lambda on, by: claims.withdraw(on.claim, by=by),
    "sprawl.claims.accept": lambda on, by: claims.accept(on.claim, by=by),
    "sprawl.claims.refuse": lambda on, by: claims.refuse(on.claim, words="Not yours", by=by),
    "sprawl.lists.applying.apply_list": lambda on, by: lists.apply_list(on.adoption, by=by),
    "sprawl.lists.trying.look_again": lambda on, by: lists.look_again(on.adoption, by=by),
    "sprawl.lists.trying.try_list": lambda on, by: lists.try_list(HOLDERS, file_name="whose.csv", by=by),
    "sprawl.lists.trying.try_selection": lambda on, by: lists.try_selection([on.stray], **on.terms, by=by),
    "sprawl.releasing.release_adoption": lambda on, by: release_adoption(on.machine, reason="Not theirs", by=by),
    "sprawl.exempting.exempt": lambda on, by: exempt(
        on.machine, kind=None, reason="A spare", ends_on=on.last_day, by=by
    ),
    "sprawl.exempting.end_exemption": lambda on, by: end_exemption(
        exempt(on.machine, kind=None, reason="A spare", ends_on=on.last_day, by=make_admin()), by=by
    ),
    "sprawl.limiting.set_thresholds": lambda on, by: set_thresholds(None, {"off_days": 30}, by=by, reason="Agreed"),
    "travel.set_out": lambda on, by: travel.set_out(clock.now() + timedelta(days=1), by=by),
}  # fmt: skip


@pytest.fixture
def stage(world: World) -> Stage:
    return make_stage(world)


def actions() -> Iterator[str]:
    """Every public function of the rooms that takes an actor."""
    for found in pkgutil.walk_packages(lifecycle.__path__, "lifecycle."):
        if "migrations" in found.name:
            continue
        for name, value in vars(importlib.import_module(found.name)).items():
            own = inspect.isfunction(inspect.unwrap(value)) and value.__module__ == found.name
            if own and name[0] != "_" and "by" in inspect.signature(value).parameters:
                yield f"{found.name}.{name}"


def answer(stage: Stage, role: str, act: Act) -> str:
    """Whoever is let in may still hear that it is not the time."""
    try:
        act(Things(stage, role), stage.cast[role])
    except Forbidden:
        return "no"
    except DomainError:
        pass
    return "yes"


def test_every_action_asks_as_the_table_says(stage: Stage) -> None:
    found: dict[Row, Answers] = {}
    for name, act in ACTS.items():
        answers = {}
        for role in PEOPLE[1:]:
            with taken_back():
                answers[role] = answer(stage, role, act)
        found[name,] = answers

    assert differences(read(FILE), found) == []


def test_no_action_is_without_a_line() -> None:
    known = {f"lifecycle.{name}" for name in ACTS} | set(INNER)

    assert sorted(set(actions()) - known) == []
    assert sorted(known - set(actions())) == []


def test_auditors_are_let_in_nowhere() -> None:
    assert {answers["auditor"] for answers in read(FILE).values()} == {"no"}
