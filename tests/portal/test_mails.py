"""Mails say what the pages say, in the reader's zone, and lead to the page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lifecycle.leases import actions as leases
from lifecycle.notices.models import Notice
from lifecycle.requests import actions as requests
from portal.mail import render
from tests.lifecycle.factories import make_user
from tests.lifecycle.world import World


def body(kind: str) -> str:
    return str(render(Notice.objects.filter(kind=kind).latest("pk")).body)


def test_whole_life_is_told_in_words(world: World) -> None:
    machine = world.machine()
    ends = machine.lease.ends_at.astimezone(world.owner.tz)

    assert "lena asks for the machine churn-scoring" in body("decision_needed")
    assert "€36.00 per month" in body("decision_needed")
    assert f"churn-scoring stops on {ends:%A}" in body("request_ready")
    assert "at 18:00" in body("request_ready")

    world.move_to(ends - timedelta(days=6))
    assert "churn-scoring stops on" in body("lease_ends")
    world.move_to(ends + timedelta(minutes=1))
    machine.lease.refresh_from_db()
    assert "You can restore it until" in body("stopped")
    world.move_to(machine.lease.remove_at)
    assert f"/machines/{machine.pk}/" in body("removal_near")
    assert "It is no longer charged." in body("removed")


def test_refusal_carries_its_words_as_they_were_written(world: World) -> None:
    requests.refuse(world.submit(), by=world.approver, comment="Cost & use don't fit.")

    assert "Cost & use don't fit." in body("request_refused")


def test_giving_back_is_told_too(world: World) -> None:
    leases.give_back(world.machine().lease, by=world.owner)
    world.tick()

    assert "churn-scoring is stopped" in body("stopped")


@pytest.mark.parametrize("kind", ["request_failed", "request_lapsed", "power_failed", "stop_failed", "something_new"])
def test_every_kind_says_something_and_leads_somewhere(db: None, kind: str) -> None:
    context = {"machine": "churn-scoring", "words": "No room.", "error": "No room."}
    notice = Notice(recipient=make_user("lena"), kind=kind, subject="A subject", context=context, path="/requests/1/")

    text = str(render(notice).body)

    assert "/requests/1/" in text
    assert kind == "request_lapsed" or "No room." in text
