"""What a watcher hears: that the process lives, or part by part whether the work is done, and never more than that."""

import logging
import socket
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder

from lifecycle.operations import work
from lifecycle.operations.actions import beat
from lifecycle.operations.models import Heartbeat
from portal.brokers import broker
from portal.celery import Portal
from portal.web import health

PARTS = {"database": "ok", "migrations": "ok", "broker": "ok", "sweep": "ok", "worker": "ok"}
LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture(autouse=True)
def nothing_remembered():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def busy(db):
    """As after a sweep and a look for work."""
    beat("sweep")
    work.fit()


def ask(client):
    answer = client.get("/readyz")
    return answer.status_code, answer.json()


def test_a_process_that_answers_lives_whatever_else_is_away(client, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        answer = client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "no-store" in answer["Cache-Control"]


def test_with_fresh_heartbeats_all_is_ready(client, busy):
    assert ask(client) == (200, {"status": "ok", **PARTS})


def test_each_part_has_a_line(client, busy):
    lines = client.get("/readyz").content.decode().splitlines()

    assert '"broker": "ok",' in lines
    assert len(lines) == len(PARTS) + 3


def test_it_asks_the_database_four_times(client, busy, django_assert_num_queries):
    ask(client)
    with django_assert_num_queries(4):  # whether there is a table of migrations, which there are, sweep, worker
        ask(client)


@pytest.mark.parametrize(("name", "part"), [("sweep", "sweep"), ("worker ", "worker")])
def test_what_showed_no_life_lately_is_not_ready(client, busy, name, part):
    Heartbeat.objects.filter(name__startswith=name).update(at=LONG_AGO)

    assert ask(client) == (503, {"status": "unavailable", **PARTS, part: "not ok"})


@pytest.mark.parametrize("ahead", [-5.1, 5.1])
def test_a_worker_whose_clock_is_off_does_not_count(client, busy, ahead):
    Heartbeat.objects.filter(name__startswith="worker ").update(ahead=ahead)

    assert ask(client)[1] == {"status": "unavailable", **PARTS, "worker": "not ok"}


def test_one_good_worker_among_bad_ones_is_enough(client, busy):
    Heartbeat.objects.create(name="worker elsewhere", at=datetime.now(UTC), ahead=3600)

    assert ask(client)[0] == 200


def test_an_older_database_is_not_ready(client, busy):
    newest = next(iter(name for app, name in health.migrations_here() if app == "lifecycle"))
    MigrationRecorder(connection).record_unapplied("lifecycle", newest)

    expected = {"migrations": "not ok", "sweep": "not ok", "worker": "not ok"}
    assert ask(client) == (503, {"status": "unavailable", **PARTS, **expected})


def test_a_newer_database_is_ready(client, busy):
    MigrationRecorder(connection).record_applied("lifecycle", "9999_of_the_next_release")

    assert ask(client)[0] == 200


def test_a_lost_broker_is_told_and_the_portal_serves(client, busy, monkeypatch):
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))  # and never listens
        lost = Portal("tried", set_as_current=False)
        lost.conf.update(**broker(f"redis://:hush-hush@127.0.0.1:{hole.getsockname()[1]}"))
        monkeypatch.setattr(health, "app", lost)

        status, parts = ask(client)

    assert (status, parts) == (200, {"status": "ok", **PARTS, "broker": "not ok"})


def test_the_broker_is_not_asked_by_everybody(client, busy, monkeypatch):
    ask(client)
    monkeypatch.setattr(health, "app", None)  # asking it now would fail

    assert ask(client)[1]["broker"] == "ok"


def test_a_database_that_does_not_answer_is_said_without_its_words(client, busy, caplog):
    def broken(*_):
        raise OperationalError("could not connect to db.internal as leasehold")

    with caplog.at_level(logging.WARNING, "portal.web.health"), connection.execute_wrapper(broken):
        answer = client.get("/readyz")

    assert answer.status_code == 503
    assert {name for name, word in answer.json().items() if word == "ok"} == {"broker"}
    assert b"db.internal" not in answer.content
    assert "db.internal" in caplog.text


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_it_only_answers_questions(client, path):
    assert client.post(path).status_code == 405


def test_the_sweep_asks_for_a_sign_of_life_where_there_is_none(world, monkeypatch):
    sent = []
    monkeypatch.setattr("celery.current_app.send_task", lambda name, args, **_: sent.append((name, args)))

    work.sweep()
    assert sent == [("lifecycle.tasks.work_operation", [None])]

    work.fit()
    work.sweep()
    assert len(sent) == 1
