"""The record's page: sentences, filters by the reader's own days, and nobody but administrators."""

from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.db import transaction
from time_machine import travel

from lifecycle import clock
from lifecycle.audit.actions import HOUSE, record
from lifecycle.audit.models import Entry
from portal.web import auditwords
from tests.lifecycle.factories import make_machine, utc


def _entry(verb="machine.missing", *, by=HOUSE, subject=None, at=None, **detail):
    with transaction.atomic(), nullcontext() if at is None else travel(at, tick=False):
        return record(verb, subject or make_machine("web-1"), by=by, **detail)


def _shown(client, **asked):
    return [row.sentence for row in client.get("/audit/", asked).context["rows"]]


def test_entries_are_sentences_newest_first(client, world):
    _entry("endpoint.added", by=world.admin, subject=world.endpoint, at=clock.now() - timedelta(hours=1))
    _entry("endpoint.mode_set", by=world.admin, subject=world.endpoint, before="observe", after="manage")
    client.force_login(world.admin)

    shown = _shown(client, who="ingrid")

    assert shown == ["ingrid switched Hamburg from observe to manage.", "ingrid put Hamburg under watch."]


def test_it_is_for_administrators(client, world):
    for person, status in ((world.admin, 200), (world.approver, 403), (world.owner, 403)):
        client.force_login(person)
        assert client.get("/audit/").status_code == status
    client.force_login(world.admin)
    assert client.post("/audit/").status_code == 405


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_asks_the_same_number_of_questions(client, world, count, django_assert_num_queries):
    for _number in range(count):
        _entry("clock.moved", by=world.owner, subject=world.owner)
    client.force_login(world.admin)

    with django_assert_num_queries(9):
        assert len(_shown(client, verb="clock.moved")) == count


def test_act_object_and_person_narrow_it(client, world):
    _entry("machine.missing")
    _entry("size.added", by=world.admin, subject=world.small)
    client.force_login(world.admin)

    assert _shown(client, verb="size") == ["ingrid added the size Small."]
    assert _shown(client, about="size") == ["ingrid added the size Small."]
    assert _shown(client, who="INGR", verb="size.added") == ["ingrid added the size Small."]
    assert _shown(client, who="nobody-like-it") == []


def test_days_are_those_of_the_reader(client, world):
    _entry(at=utc("2026-03-01 22:30"))  # 23:30 in Berlin
    _entry("machine.found_again", at=utc("2026-03-01 23:30"))  # half past midnight of the 2nd
    client.force_login(world.admin)

    assert len(_shown(client, since="2026-03-01", until="2026-03-01")) == 1
    assert len(_shown(client, since="2026-03-02", until="2 Mar 2026")) == 1


def test_a_day_that_is_none_says_so_and_the_rest_still_shows(client, world):
    client.force_login(world.admin)

    answer = client.get("/audit/", {"since": "whenever"})

    assert answer.status_code == 200
    assert "Not a date." in answer.content.decode()


def test_names_and_reasons_are_text_and_cut(client, world):
    _entry(subject=make_machine("<script>alert(1)</script>" + "x" * 200), reason="<b>why</b>")
    client.force_login(world.admin)

    page = client.get("/audit/").content.decode()

    assert "<script>alert" not in page and "<b>why" not in page
    assert "x" * 90 not in page


def test_it_goes_on_over_pages(client, world):
    machine = make_machine()
    for _number in range(51):
        _entry(subject=machine)
    client.force_login(world.admin)

    first = client.get("/audit/", {"verb": "machine.missing"}).context["page"]

    assert len(first.rows) == 50
    assert len(_shown(client, verb="machine.missing", page=first.next)) == 1
    assert client.get("/audit/", {"page": "made-up"}).status_code == 422


@pytest.mark.parametrize("verb", [*auditwords.SENTENCES, "something.new"])
def test_every_verb_has_a_sentence_even_when_facts_are_missing(verb):
    words = auditwords.sentence(Entry(verb=verb, actor_name="Ingrid", object_name="100 % web-1", detail={}))

    assert words.endswith(".")
    assert "%(" not in words


def test_lists_and_moments_of_a_detail_are_words():
    entry = Entry(verb="endpoint.changed", actor_name="Ingrid", object_name="Lab", detail={"changed": ["name", "port"]})

    assert auditwords.sentence(entry) == "Ingrid changed how Lab is reached: name, port."
