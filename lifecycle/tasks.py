"""Celery's envelopes: ids in, one call. All are safe to run twice, at once, or not at all until the next time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import ParamSpec

from celery import shared_task

from lifecycle import clock
from lifecycle import travel as travelling
from lifecycle.estate.files import look_at_files as look_through
from lifecycle.estate.models import Endpoint
from lifecycle.estate.sync import sync
from lifecycle.estate.usage import collect
from lifecycle.leases import clockwork
from lifecycle.money.actions import draft
from lifecycle.notices import actions as notices
from lifecycle.notices import rendering
from lifecycle.operations import seeds, work
from lifecycle.operations.queries import busy_machines
from lifecycle.people import sessions
from lifecycle.replies import actions as replies
from lifecycle.requests import actions as requests
from lifecycle.requests import leavers
from lifecycle.sprawl import board, lists
from lifecycle.sprawl.actions import scan
from lifecycle.sprawl.adoption import stamp_missing
from lifecycle.sprawl.attribution import attribute
from lifecycle.sprawl.attribution.assigning import assign_certain
from lifecycle.sprawl.files import clockwork as filework
from lifecycle.sprawl.files import proof
from lifecycle.sprawl.rules.managed import mark_managed
from lifecycle.sprawl.usage import roll_up
from lifecycle.wiring import OUTCOMES

P = ParamSpec("P")

FILES_EXPIRE = 1800
SYNC_EXPIRES = USAGE_EXPIRES = 300
"""Seconds after which the next round asks for the same."""
JUST_FOUND = timedelta(minutes=15)
"""Whose these might be is said at once; of all others now and then."""


def by_the_clock(duty: Callable[P, None]) -> Callable[P, None]:
    """What goes by the hour is left to a process whose clock is right: another one, or the same at a later tick."""

    @wraps(duty)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        if clock.agrees():
            duty(*args, **kwargs)

    return guarded


@shared_task(ignore_result=True)
def work_operation(pk: int | None) -> None:
    work.work(pk, outcomes=OUTCOMES)


@shared_task(ignore_result=True)
def sweep() -> None:
    work.sweep()


@shared_task(ignore_result=True)
def sync_endpoints() -> None:
    """One message each: a slow endpoint delays no other's."""
    for pk in Endpoint.objects.values_list("pk", flat=True):
        sync_endpoint.apply_async((pk,), expires=SYNC_EXPIRES)


@shared_task(ignore_result=True)
def collect_usages() -> None:
    """One message each, as for scans."""
    for pk in Endpoint.objects.values_list("pk", flat=True):
        collect_usage.apply_async((pk,), expires=USAGE_EXPIRES)


@shared_task(ignore_result=True)
@by_the_clock
def roll_up_usage() -> None:
    roll_up()


@shared_task(ignore_result=True)
def look_at_files() -> None:
    """One message each, as with scans."""
    for pk in filework.endpoints_to_look_at():
        look_at_endpoint_files.apply_async((pk,), expires=FILES_EXPIRE)


@shared_task(ignore_result=True)
@by_the_clock
def look_at_endpoint_files(pk: int) -> None:
    if (endpoint := Endpoint.objects.filter(pk=pk).first()) is not None and look_through(endpoint):
        proof.settle(clock.now())


@shared_task(ignore_result=True)
@by_the_clock
def advance_files() -> None:
    filework.advance()


@shared_task(ignore_result=True)
@by_the_clock
def advance_leases() -> None:
    clockwork.advance()


@shared_task(ignore_result=True)
@by_the_clock
def detach_seeds() -> None:
    seeds.detach_due()


@shared_task(ignore_result=True)
@by_the_clock
def lapse_requests() -> None:
    requests.lapse()


@shared_task(ignore_result=True)
@by_the_clock
def see_out_leavers() -> None:
    leavers.see_out()


@shared_task(ignore_result=True)
@by_the_clock
def scan_sprawl() -> None:
    mark_managed()
    scan()


@shared_task(ignore_result=True)
@by_the_clock
def attribute_machines() -> None:
    mark_managed()
    attribute()
    assign_certain()


@shared_task(ignore_result=True)
@by_the_clock
def apply_adoptions(pk: int) -> None:
    lists.go_on(pk)


@shared_task(ignore_result=True)
@by_the_clock
def sweep_adoptions() -> None:
    lists.go_on()


@shared_task(ignore_result=True)
@by_the_clock
def tend_found() -> None:
    """Off the board what needs no holder any more; onto the machines whose they are, where that came later."""
    board.tidy()
    stamp_missing()


@shared_task(ignore_result=True)
@by_the_clock
def draft_money() -> None:
    draft()


@shared_task(ignore_result=True)
@by_the_clock
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
@by_the_clock
def sync_endpoint(pk: int, asked_by: int | None = None) -> None:
    endpoint = Endpoint.objects.filter(pk=pk).first()
    if endpoint is not None and sync(endpoint, asked_by=asked_by, busy=busy_machines):
        mark_managed()
        # Whoever asked wants to see what it came to; what nobody asked for is looked through once for all endpoints.
        if asked_by is not None:
            scan()
        attribute(found_since=clock.now() - JUST_FOUND)


@shared_task(ignore_result=True)
@by_the_clock
def collect_usage(pk: int) -> None:
    if (endpoint := Endpoint.objects.filter(pk=pk).first()) is not None:
        collect(endpoint)
