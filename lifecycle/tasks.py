"""Celery's envelopes: ids in, one call. All are safe to run twice, at once, or not at all until the next time."""

from __future__ import annotations

import time

from celery import shared_task

from lifecycle import travel as travelling
from lifecycle.estate.models import Endpoint
from lifecycle.estate.sync import sync
from lifecycle.leases import clockwork
from lifecycle.money.actions import draft
from lifecycle.notices import actions as notices
from lifecycle.notices import rendering
from lifecycle.operations import queries
from lifecycle.operations.actions import beat, wake
from lifecycle.operations.engine import step
from lifecycle.people import sessions
from lifecycle.replies import actions as replies
from lifecycle.requests import actions as requests
from lifecycle.requests import leavers
from lifecycle.sprawl.actions import scan
from lifecycle.wiring import OUTCOMES

STAY = 3.0
"""Seconds a worker stays with short work; the rest is left to the sweep, so that no hypervisor holds a worker."""


@shared_task(ignore_result=True)
def work_operation(pk: int) -> None:
    leave_at = time.monotonic() + STAY
    while (pause := step(pk, outcomes=OUTCOMES)) is not None and time.monotonic() + pause < leave_at:
        time.sleep(pause)


@shared_task(ignore_result=True)
def sweep() -> None:
    beat("sweep")
    for pk in queries.due_keys():
        wake(pk)


@shared_task(ignore_result=True)
def sync_endpoints() -> None:
    for endpoint in Endpoint.objects.all():
        sync(endpoint)


@shared_task(ignore_result=True)
def advance_leases() -> None:
    clockwork.advance()


@shared_task(ignore_result=True)
def lapse_requests() -> None:
    requests.lapse()


@shared_task(ignore_result=True)
def see_out_leavers() -> None:
    leavers.see_out()


@shared_task(ignore_result=True)
def scan_sprawl() -> None:
    scan()


@shared_task(ignore_result=True)
def draft_money() -> None:
    draft()


@shared_task(ignore_result=True)
def send_notices() -> None:
    notices.send(rendering.current())


@shared_task(ignore_result=True)
def sweep_replies() -> None:
    replies.sweep()


@shared_task(ignore_result=True)
def sweep_sessions() -> None:
    sessions.sweep()


@shared_task(ignore_result=True)
def travel() -> None:
    travelling.go_on()


@shared_task(ignore_result=True)
def sync_endpoint(pk: int) -> None:
    if (endpoint := Endpoint.objects.filter(pk=pk).first()) is not None and sync(endpoint):
        scan()
