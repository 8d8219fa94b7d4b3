"""What a watcher hears: well, or which part is missing, and never more than that."""

import pytest
from django.db import OperationalError

from lifecycle.operations.actions import beat
from portal.web import health


@pytest.mark.django_db
def test_with_a_fresh_heartbeat_all_is_well(client):
    beat("sweep")

    answer = client.get("/healthz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "web": "ok", "database": "ok", "worker": "ok"}
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_without_one_the_worker_is_missing(client):
    answer = client.get("/healthz")

    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "web": "ok", "database": "ok", "worker": "missing"}


def test_a_database_that_does_not_answer_is_said_without_its_words(client, monkeypatch):
    def broken():
        raise OperationalError("could not connect to db.internal as leasehold")

    monkeypatch.setattr(health, "worker_alive", broken)

    answer = client.get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["database"] == "missing"
    assert b"db.internal" not in answer.content


@pytest.mark.django_db
def test_it_only_answers_questions(client):
    assert client.post("/healthz").status_code == 405
