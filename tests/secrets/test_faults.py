"""What goes wrong inside: hypervisors that repeat what they were told, faults of ours, reports about them."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import pytest
from django.conf import settings
from django.core.signals import got_request_exception
from django.forms import Form
from django.test import Client
from django.views.debug import ExceptionReporter

from hypervisors.errors import AccessDenied
from hypervisors.simulated.adapter import Simulated
from lifecycle.estate import secrets
from lifecycle.models import Operation
from lifecycle.requests.actions import approve
from portal.masking import Formatter
from tests.lifecycle.world import World
from tests.secrets.journey import (
    API,
    IN_USER_DATA,
    NEXT_PASSWORD,
    PASSWORD,
    PEM,
    SECRET,
    USER_DATA,
    Journey,
    found_in,
)


def test_what_a_hypervisor_repeats_is_masked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.endpoint.secret = SECRET
    world.endpoint.save()

    def chatty(self: Simulated, *args: object, **options: object) -> Any:
        raise AccessDenied(f"No entry with {SECRET}", native=f"auth({SECRET!r}) failed")

    monkeypatch.setattr(Simulated, "submit", chatty)
    approve(world.submit(), by=world.approver)
    world.work_off()

    operation = Operation.objects.get()
    assert (operation.error, operation.native_error) == ("No entry with ***", "auth('***') failed")


@pytest.mark.spills_secrets
def test_a_fault_of_ours_is_masked_in_the_log_and_told_as_a_number(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(target: Any) -> None:
        raise ZeroDivisionError(f"at {target.secret}")

    monkeypatch.setattr(Simulated, "validate", staticmethod(broken))
    journey = Journey(world)
    journey.admin.force_login(world.admin)
    given = {"kind": "simulated", "name": "By page", "path": "page.dc.sqlite3", "secret": SECRET}
    assert journey.ask("post", "/endpoints/new/", given).status_code == 500
    assert journey.ask("post", f"{API}endpoints/", given).status_code == 500

    log = "\n".join(Formatter().format(record) for record in caplog.records)
    assert "ZeroDivisionError: at ***" in log
    assert found_in(journey.answers | {"log": log}, [SECRET]) == []


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/endpoints/new/", {"kind": "simulated", "name": "x", "secret": SECRET}),
        ("/account/password/", {"present": PASSWORD, "password": NEXT_PASSWORD, "again": NEXT_PASSWORD}),
        ("/sign-in/", {"username": "ingrid", "password": PASSWORD}),
        ("/order/", {"name": "by-page", "user_data": USER_DATA}),
        ("/account/ssh-keys/new/", {"key": PEM}),
    ],
)
def test_a_report_about_a_fault_hides_what_was_sent(
    world: World, monkeypatch: pytest.MonkeyPatch, path: str, sent: dict[str, str]
) -> None:
    """As shipped, nobody is sent such reports; an installation that names ADMINS gets them."""
    reports = []

    def note(sender: Any, request: Any, **rest: Any) -> None:
        reports.append(ExceptionReporter(request, *sys.exc_info()).get_traceback_html())

    def broken(*args: Any, **options: Any) -> Any:
        raise ZeroDivisionError

    client = Client()
    if path != "/sign-in/":
        client.force_login(world.admin)
    monkeypatch.setattr(Form, "is_valid", broken)
    got_request_exception.connect(note)
    with contextlib.suppress(ZeroDivisionError):
        client.post(path, sent)
    got_request_exception.disconnect(note)

    assert len(reports) == 1
    assert path in reports[0]
    secrets = [
        SECRET,
        PASSWORD,
        NEXT_PASSWORD,
        IN_USER_DATA,
        PEM.splitlines()[1],
        settings.SECRET_KEY,
        *settings.SECRETS_KEYS,
    ]
    assert found_in({path: reports[0]}, secrets) == []


def test_what_a_hypervisor_repeats_of_user_data_is_masked(world: World) -> None:
    world.blueprint.cloud_init = True
    world.blueprint.save()
    world.dc.add_fault("put_seed", "denied", message=f"cannot write {USER_DATA}")

    approve(world.submit(user_data=USER_DATA), by=world.approver)
    world.work_off()

    operation = Operation.objects.get()
    assert operation.state == "failed"
    assert "***" in operation.error + operation.native_error
    assert found_in({"row": str(Operation.objects.values().get())}, [IN_USER_DATA]) == []


def test_user_data_does_not_push_out_the_secrets_of_endpoints(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.endpoint.secret = SECRET
    world.endpoint.save()
    world.blueprint.cloud_init = True
    many = "\n".join(f"{number:x} echo something long" for number in range(500))
    for name in ("one", "two", "three"):
        world.submit(name, user_data=many + name)

    assert secrets.masked(f"with {SECRET}") == "with ***"
    assert secrets.masked("1f2 echo something long") == "***"
    assert len(secrets._lines) <= secrets.LATEST
