"""Who asks, and about what: one person for each role and relation, and one of each thing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse
from django.utils import timezone

from lifecycle import clock
from lifecycle.estate.models import Level, Machine
from lifecycle.estate.sharing import share
from lifecycle.estate.sync import sync
from lifecycle.models import Entry, Finding, Line, Operation, User
from lifecycle.money import calendar
from lifecycle.money.actions import draft
from lifecycle.people import sessions
from lifecycle.people.imports.trying import try_import
from lifecycle.requests.models import Request
from lifecycle.sprawl import board, claims, lists
from lifecycle.sprawl.actions import scan
from lifecycle.sprawl.exempting import exempt
from lifecycle.sprawl.inventory import try_inventory
from lifecycle.sprawl.models import EstateRule
from lifecycle.sprawl.rules.actions import add_rule
from lifecycle.sprawl.views import save_view
from tests.lifecycle.factories import (
    make_cost_centre,
    make_disk_file,
    make_drift,
    make_finding,
    make_ssh_key,
    make_team,
    make_token,
    make_user,
)
from tests.lifecycle.world import World

CMDB = b"name,owner\nfound-by-chance,lena\n"
LIST = b"username,name,email\nnina,Nina Nowak,nina@example.org\n"
HOLDERS = b"machine,holder,purpose,last_day\nfound-by-chance,lena,Scoring,2000-01-01\n"
C = TypeVar("C", bound=Client)
NO_SESSION = "of-another-browser"
NOWHERE = 10**9
"""An id that nothing has."""


@dataclass
class Stage:
    world: World
    cast: dict[str, User]
    """The columns of the tables, by their names; `anonymous` is nobody."""
    things: dict[str, Any]
    """What addresses and acts are about, by the beginnings of their names."""
    of_the_team: dict[str, Any]
    """The same for the teammate, where the team holds it instead of one person."""
    sessions: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for role, person in self.cast.items():
            client = Client()
            client.force_login(person)
            self.sessions[role] = client.cookies[settings.SESSION_COOKIE_NAME].value

    def known(self, role: str) -> dict[str, Any]:
        return self.things | (self.of_the_team if role == "teammate" else {})

    def about(self, name: str, role: str) -> Any:
        """The id that an address of this name needs: `machine-extend` is about `machine`."""
        known, parts = self.known(role), name.removeprefix("api-").split("-")
        for end in range(len(parts), 0, -1):
            if (stem := "-".join(parts[:end])) in known:
                return known[stem]
        raise AssertionError(f"tests/permissions/stage.py does not know what {name} is about.")

    def address(self, name: str, arguments: set[str], role: str, **given: Any) -> str:
        now = clock.now()
        known = {"year": now.year, "month": f"{now:%Y-%m}" if name.startswith("api-") else now.month}
        known |= {"key": f"person-{self.cast['see'].pk}", "name": "no-such-mail"} | given
        if "pk" in arguments and "pk" not in known:
            known["pk"] = self.about(name, role)
        return reverse(name, kwargs={word: known[word] for word in arguments})

    def client(self, role: str, kind: type[C]) -> C:
        """A fresh one in a session that lasts. Errors become answers, as they do for people."""
        client = kind(raise_request_exception=False)
        if role in self.sessions:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[role]
        return client


def make_stage(world: World) -> Stage:
    payer = make_user("paula", cost_centre=make_cost_centre())
    User.objects.filter(pk=world.approver.pk).update(team=None)
    world.approver.cost_centres_owned.update(owner=payer)
    guests = {str(level.label): make_user(str(level.label), team=make_team()) for level in Level}
    centre = make_cost_centre()
    User.objects.filter(pk=world.admin.pk).update(cost_centre=centre)
    cast = guests | {
        "stranger": world.stranger,
        "colleague": world.teammate,  # in the holder's team, which does not hold the machine
        "teammate": world.teammate,
        "holder": world.owner,
        "approver": world.approver,
        "payer": payer,
        "finance": make_user("fiona", role=User.Role.FINANCE, cost_centre=centre),
        "auditor": make_user("aurel", role=User.Role.AUDITOR, cost_centre=centre),
        "admin": world.admin,
    }
    world.blueprint.cloud_init = True
    world.blueprint.save()
    own, teams = world.machine("churn-scoring"), world.machine("team-board", for_team=True)
    for machine in (own, teams):
        for level in Level:
            share(machine, recipient=guests[str(level.label)], level=level, by=world.owner)
    world.dc.make_machine_by_hand("found-by-chance")
    sync(world.endpoint)
    scan()
    clock.move_to(clock.now().replace(microsecond=0) + (world.day(1) - world.day(0)))
    draft()
    things = _house(world) | _machine(own, world.submit("not-decided-yet"))
    cast = {role: User.objects.get(pk=person.pk) for role, person in cast.items()}
    return Stage(world, cast, things, _machine(teams, world.submit("not-decided-either", for_team=True)))


def _machine(machine: Machine, waiting: Request) -> dict[str, Any]:
    return {
        "machine": machine.pk,
        "request": waiting.pk,
        "request-operation": machine.request.pk,
        "approval": waiting.pk,
        "approve": waiting.pk,
        "refuse": waiting.pk,
        "finding": make_finding(machine).pk,
        "line": Line.objects.filter(machine=machine).latest("pk").pk,
    }


def _house(world: World) -> dict[str, Any]:
    kept = try_import(LIST, file_name="people.csv", by=world.admin)
    line = Line.objects.latest("pk")
    orphan = Finding.objects.select_related("machine").latest("pk")
    file = make_disk_file(world.endpoint)
    board.put_up([orphan.on_machine], by=world.admin)
    terms: dict[str, Any] = {"reason": "I made it", "purpose": "Scoring", "last_day": world.day(40)}
    return {
        "statement": world.owner.cost_centre_id,
        "cost-centre": world.owner.cost_centre_id,
        "cost-centre-delete": make_cost_centre().pk,
        "orphan": orphan.pk,
        "board": orphan.on_machine.pk,
        "adoption": lists.try_list(HOLDERS, file_name="whose.csv", by=world.admin).pk,
        "holders": HOLDERS,
        "claim": claims.claim(orphan.on_machine, **terms, by=world.owner).pk,
        "rule": _rule(world).pk,
        "inventory": try_inventory(CMDB, file_name="cmdb.csv", by=world.admin).pk,
        "cmdb": CMDB,
        "exemption": exempt(
            world.blueprint.image, kind=None, reason="For another site", ends_on=world.day(9), by=world.admin
        ).pk,
        "endpoint": world.endpoint.pk,
        "operation": Operation.objects.filter(state=Operation.State.SUCCEEDED).latest("pk").pk,
        "disk-file": file.pk,
        "disk": file.pk,
        "storage": file.datastore_id,
        "drift": make_drift(Machine.objects.get(name="churn-scoring")).pk,
        "blueprint": world.blueprint.pk,
        "size": world.small.pk,
        "rate-card": line.rate.card_id,
        "audit": Entry.objects.latest("pk").pk,
        "person": make_user("zoe", email="zoe@example.org").pk,
        "person-return": make_user("left", left_on=timezone.localdate().replace(year=2020)).pk,
        "people-import": kept.pk,
        "team": world.owner.team_id,
        "team-delete": make_team().pk,
        "saved-view": save_view(page="findings", name="Dear ones", query="min=100", by=world.owner).pk,
        "ssh-key": make_ssh_key(world.owner).pk,
        "token": make_token(world.owner)[0].pk,
        "session": sessions.begin(world.owner, session_key=NO_SESSION, address=None, agent="").pk,
        "later": str(world.day(40)),
        "next-month": str(calendar.next_month(calendar.month_of(clock.now()))),
        "image": world.blueprint.image_id,
        "pool": world.blueprint.pool_id,
        "list": LIST,
    }


def _rule(world: World) -> EstateRule:
    terms = {"person": world.owner, "purpose": "Builds", "lease_days": 30}
    return add_rule(name="Found", effect="adopt", machine_name="found-*", **terms, by=world.admin)


@contextmanager
def taken_back() -> Iterator[None]:
    """Everybody meets the same stage."""
    cache.clear()
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def addresses(patterns: list[Any]) -> Iterator[tuple[URLPattern, set[str]]]:
    """Every address below these, with the names of its arguments."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns)
        else:
            route = pattern.pattern
            yield pattern, set(getattr(route, "converters", {}) or route.regex.groupindex)
