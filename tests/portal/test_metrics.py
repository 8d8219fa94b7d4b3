"""What Prometheus reads: true figures, in few questions, for whoever shows the token and nobody else."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from lifecycle.audit.actions import HOUSE, record
from lifecycle.estate.models import Endpoint
from lifecycle.literals import Literal
from lifecycle.models import Machine, Notice, Operation, Request
from lifecycle.operations import actions, claims, work
from lifecycle.operations.measures import Totals
from lifecycle.operations.models import Heartbeat
from portal import environment
from tests.lifecycle.factories import make_machine
from tests.lifecycle.world import World

TOKEN = "only-for-the-scraper-1"
LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


def ago() -> float:
    """Seconds since then: the module may have been read long before its tests run."""
    return (datetime.now(UTC) - LONG_AGO).total_seconds()


HOSTILE = 'Ham"burg\\n} 7\nleasehold_paused 1 # é'

Found = dict[tuple[Any, ...], float]


@pytest.fixture(autouse=True)
def token(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


@pytest.fixture
def figures() -> Callable[[str], Found]:
    """The samples of one name: values of the labels, in the order of the line -> the figure."""

    def read(name: str) -> Found:
        text = ask().content.decode()
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return {
            tuple(v for _, v in sorted(s.labels.items())): s.value for s in samples if s.name == f"leasehold_{name}"
        }

    return read


def ask(**headers: str) -> Any:
    return Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"} | headers)


def make(world: World, **fields: Any) -> Operation:
    now = datetime.now(UTC)
    machine = fields.pop("machine", None) or make_machine(endpoint=world.endpoint)
    plain = {"kind": "create", "purpose": "order", "next_try_at": now, "created_at": now, "changed_at": now}
    return Operation.objects.create(
        machine=machine, endpoint=fields.pop("endpoint", machine.endpoint), key=uuid.uuid4().hex, **plain | fields
    )


# Who may.


def test_without_a_setting_there_is_no_such_page(db: None, settings: Any) -> None:
    settings.METRICS_TOKEN = ""

    assert ask().status_code == 404
    assert ask(Authorization="Bearer ").status_code == 404


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer é"],
)
def test_without_the_token_nothing_is_told(db: None, header: str) -> None:
    answer = ask(Authorization=header)

    assert (answer.status_code, answer.content) == (401, b"")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_an_administrator_s_session_is_no_token(world: World, client: Client) -> None:
    client.force_login(world.admin)

    assert client.get("/metrics").status_code == 401


def test_the_scheme_is_written_in_any_case(world: World) -> None:
    assert ask(Authorization=f"bearer {TOKEN}").status_code == 200


@pytest.mark.parametrize(
    "word", ["too-short", "with a\nline break in it", "with some spaces in it", "älter-als-zwanzig-Jahre"]
)
def test_a_token_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("METRICS_TOKEN", word)

    with pytest.raises(ImproperlyConfigured, match="METRICS_TOKEN must have at least 20 characters"):
        environment.token("METRICS_TOKEN", least=20)


def test_a_database_that_is_away_tells_no_figures_and_no_words(world: World) -> None:
    def broken(*_: Any) -> None:
        raise OperationalError("could not connect to db.internal")

    with connection.execute_wrapper(broken):
        answer = ask()

    assert (answer.status_code, answer.content) == (503, b"")


# The form.


def test_every_figure_has_its_words_and_a_proper_name(world: World) -> None:
    make(world)
    text = ask().content.decode()

    families = list(text_string_to_metric_families(text))
    assert len(families) > 15
    assert all(family.name.startswith("leasehold_") and family.documentation for family in families)
    assert {family.type for family in families} == {"gauge", "counter"}
    assert ask()["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_names_of_endpoints_stay_inside_their_quotes(world: World, figures: Callable[[str], Found]) -> None:
    Endpoint.objects.update(name=HOSTILE)
    make(world)

    assert figures("endpoint_failures") == {(HOSTILE,): 0}
    assert figures("operations_open") == {(HOSTILE, "create", "waiting"): 1}
    assert figures("paused") == {(): 0}


def test_no_label_names_a_machine_or_a_person(world: World) -> None:
    make(world, machine=make_machine("churn-scoring", endpoint=world.endpoint), asked_by=world.owner)

    text = ask().content.decode()

    assert "churn-scoring" not in text
    assert world.owner.username not in text


@pytest.mark.parametrize("count", [1, 3])
def test_it_asks_eleven_questions(world: World, django_assert_num_queries: Any, settings: Any, count: int) -> None:
    for number in range(count):
        twin = Endpoint.objects.get(pk=world.endpoint.pk)
        twin.pk, twin.name, twin.secret_id = None, f"Twin {number}", uuid.uuid4()
        twin.save()
        make(world, endpoint=twin)
        make(world, endpoint=twin, state="failed")
    settings.CLOCK_SHIFTABLE = False

    with django_assert_num_queries(11):
        ask()


def test_machines_that_nothing_takes_further_are_told(world: World, figures: Callable[[str], Found]) -> None:
    machine = world.machine()
    assert figures("machines_abandoned") == {(): 0}

    Machine.objects.filter(pk=machine.pk).update(stage="expired")

    assert figures("machines_abandoned") == {(): 1}


# Operations.


def test_open_work_is_told_by_endpoint_kind_and_state(world: World, figures: Callable[[str], Found]) -> None:
    for fields in ({}, {}, {"state": "running"}, {"kind": "remove", "state": "running"}, {"state": "succeeded"}):
        make(world, **fields)

    name = world.endpoint.name
    assert figures("operations_open") == {
        (name, "create", "waiting"): 2,
        (name, "create", "running"): 1,
        (name, "remove", "running"): 1,
    }


def test_held_work_is_told_by_its_reason(world: World, figures: Callable[[str], Found]) -> None:
    for reason in ("scan", "scan", "portal", ""):
        make(world, waits_for=reason)
    make(world, waits_for="busy", state="failed")

    assert figures("operations_held") == {(world.endpoint.name, "scan"): 2, (world.endpoint.name, "portal"): 1}


def test_claims_that_ran_out_are_told(world: World, figures: Callable[[str], Found]) -> None:
    make(world, claimed_by="dead", claimed_until=LONG_AGO)
    make(world, claimed_by="lives", claimed_until=datetime.now(UTC) + timedelta(hours=1))

    assert figures("operations_lost_claims") == {(): 1}


def test_age_of_due_work_leaves_out_what_is_held_queued_or_being_done(
    world: World, figures: Callable[[str], Found]
) -> None:
    soon, half = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(minutes=30)
    make(world, next_try_at=LONG_AGO, waits_for="observe")
    make(world, next_try_at=LONG_AGO, claimed_by="lives", claimed_until=soon)
    first = make(world, next_try_at=soon)
    make(world, next_try_at=LONG_AGO, machine=first.machine)
    assert figures("operations_oldest_due_seconds") == {(): 0}

    make(world, next_try_at=half)
    assert figures("operations_oldest_due_seconds") == {(): pytest.approx(1800, abs=60)}


def test_rare_things_are_counted_from_the_record(world: World, figures: Callable[[str], Found]) -> None:
    operation = make(world)
    for verb in ("operation.doubles", "operation.taken_over", "operation.taken_over", "operation.succeeded"):
        record(verb, operation, by=HOUSE)

    expected = {("taken_over",): 2, ("doubles",): 1, ("left_over",): 0, ("contradicted",): 0}
    assert figures("operation_incidents_total") == expected


def test_ended_work_is_counted_by_outcome(world: World, figures: Callable[[str], Found]) -> None:
    for state in ("succeeded", "succeeded", "failed", "cancelled", "running"):
        make(world, state=state)

    name = world.endpoint.name
    assert figures("operations_ended_total") == {
        (name, "create", "succeeded"): 2,
        (name, "create", "failed"): 1,
        (name, "create", "cancelled"): 1,
    }


# Running totals.


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Totals:
    monkeypatch.setattr(Totals, "STEP", 5)
    monkeypatch.setattr(Totals, "MARGIN", 2)
    return Totals()


def test_totals_stay_true_while_work_comes_and_ends_in_any_order(world: World, short: Totals) -> None:
    chance, machine = random.Random(7), make_machine(endpoint=world.endpoint)
    before = sum(short.read().values())
    for _ in range(40):
        for _ in range(chance.randrange(6)):
            make(world, machine=machine, kind=chance.choice(["create", "remove"]))
        for operation in Operation.objects.filter(state__in=Operation.OPEN):
            if chance.random() < 0.3:
                Operation.objects.filter(pk=operation.pk).update(state=chance.choice(["succeeded", "failed"]))

        found, anew = short.read(), Totals().read()

        assert found == anew
        assert sum(found.values()) == Operation.objects.exclude(state__in=Operation.OPEN).count() >= before
        before = sum(found.values())
    assert before > 50


def test_what_ended_long_ago_is_not_read_again(world: World, short: Totals, django_assert_num_queries: Any) -> None:
    machine = make_machine(endpoint=world.endpoint)
    for _ in range(9):
        make(world, machine=machine, state="succeeded")
    with django_assert_num_queries(4):  # the newest; what is open below the border; what ended below it; the rest
        short.read()

    with django_assert_num_queries(2) as asked:
        assert sum(short.read().values()) == 9

    newest = Operation.objects.latest("pk").pk
    assert f'"id" > {newest - 2}' in asked.captured_queries[-1]["sql"]


def test_totals_begin_anew_with_another_database(world: World, short: Totals) -> None:
    machine = make_machine(endpoint=world.endpoint)
    for _ in range(9):
        make(world, machine=machine, state="succeeded")
    short.read()
    Operation.objects.all().delete()

    assert short.read() == {}


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL reads the conditions of its partial indexes")
def test_open_work_is_found_by_its_own_index(world: World) -> None:
    plan = Operation.objects.filter(state__in=claims.OPEN).order_by().explain()

    assert "operation_open_by_machine" in plan or "operation_due" in plan


@pytest.mark.parametrize("word", ["", "a'b", "a b", "a-b", "é", "1a"])
def test_only_words_are_written_into_a_question(word: str) -> None:
    with pytest.raises(ValueError, match="no word"):
        Literal(word)


# Everything else.


def test_endpoints_are_told(world: World, figures: Callable[[str], Found]) -> None:
    now, name = datetime.now(UTC), world.endpoint.name
    Endpoint.objects.update(
        mode="observe", failures=4, failing_since=now - timedelta(minutes=5), rests_until=now + timedelta(minutes=1),
        parallel=3, scanned_at=LONG_AGO, scans=17,
    )  # fmt: skip

    assert figures("endpoint_mode") == {(name, "observe"): 1, (name, "manage"): 0}
    assert figures("endpoint_resting") == {(name,): 1}
    assert figures("endpoint_failures") == {(name,): 4}
    assert figures("endpoint_failing_seconds") == {(name,): pytest.approx(300, abs=60)}
    assert figures("endpoint_operations_limit") == {(name,): 3}
    assert figures("endpoint_scan_age_seconds") == {(name,): pytest.approx(ago(), abs=60)}
    assert figures("endpoint_scans_total") == {(name,): 17}


def test_an_endpoint_that_answers_and_was_never_scanned(world: World, figures: Callable[[str], Found]) -> None:
    Endpoint.objects.update(failing_since=None, rests_until=LONG_AGO, scanned_at=None, scans=0)

    assert set(figures("endpoint_resting").values()) == {0}
    assert set(figures("endpoint_failing_seconds").values()) == {0}
    assert figures("endpoint_scan_age_seconds") == {}


def test_signs_of_life_are_told(world: World, figures: Callable[[str], Found]) -> None:
    assert figures("sweep_age_seconds") == figures("worker_age_seconds") == {}
    actions.beat("sweep")
    work.fit()
    Heartbeat.objects.create(name="worker elsewhere", at=LONG_AGO, ahead=-42.5)

    assert figures("sweep_age_seconds") == {(): pytest.approx(0, abs=60)}
    assert figures("worker_age_seconds")["elsewhere",] == pytest.approx(ago(), abs=60)
    assert figures("worker_clock_ahead_seconds")["elsewhere",] == -42.5
    assert len(figures("worker_age_seconds")) == 2


def test_the_pause_is_told(world: World, figures: Callable[[str], Found]) -> None:
    actions.pause(by=world.admin, reason="Fire drill")

    assert figures("paused") == {(): 1}


def test_what_waits_for_people_and_for_mail_is_told(world: World, figures: Callable[[str], Found]) -> None:
    world.submit("churn-scoring")
    Notice.objects.all().delete()
    now = datetime.now(UTC)
    for key, fields in {"a": {"next_try_at": now}, "b": {}, "c": {}, "d": {"sent_at": now}}.items():
        Notice.objects.create(recipient=world.owner, kind="x", key=key, subject="s", at=now, **fields)

    assert figures("requests_waiting") == {(): 1}
    assert figures("notices_unsent") == {("waiting",): 1, ("given_up",): 2}
    Request.objects.update(state="refused")
    assert figures("requests_waiting") == {(): 0}
