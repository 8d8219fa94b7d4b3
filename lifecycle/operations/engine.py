"""One bounded step of one operation: submit it, or poll its handle. Called by workers and by nobody else.

A step claims the row, calls the hypervisor outside any transaction, and writes what came of it in one transaction
together with its consequences. Whatever dies in between is found by the sweep when the claim has run out, and asked
again: adapters promise that asking twice makes nothing twice (`hypervisors/contract.py`).
"""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction
from django.utils.translation import gettext as _

from hypervisors.contract import Handle, Hypervisor, MachineFacts, Power, Progress
from hypervisors.errors import HypervisorError, NotFound
from lifecycle import clock
from lifecycle.audit.actions import HOUSE, record
from lifecycle.estate.actions import record_answer
from lifecycle.estate.connections import connect
from lifecycle.logcontext import about
from lifecycle.operations import brakes, claims
from lifecycle.operations.endings import (
    Outcomes,
    TimedOut,
    end,
    look_for_doubles,
    troubled,
    unmade,
    wait,
)
from lifecycle.operations.fileorders import unlike_file
from lifecycle.operations.models import Operation
from lifecycle.operations.orders import order_of, stamp_of

Kind, State, Verdict = Operation.Kind, Operation.State, Operation.Verdict

POLL_EVERY, POLL_AT_LEAST = 0.4, 5.0
"""Seconds between two looks at work under way, at the most often and at the most rarely."""

STRIDE = 6
"""Steps of the hypervisor within one of ours, at the most."""

DONE_WHEN = {
    Kind.CREATE: Power.ON,
    Kind.POWER_ON: Power.ON,
    Kind.RESTART: Power.ON,
    Kind.SHUTDOWN: Power.OFF,
    Kind.POWER_OFF: Power.OFF,
}
"""How a machine has to be for somebody's word to be believed that the work on it is done."""

NO_MACHINE_IS_LEFT = (Kind.REMOVE, *Operation.OF_FILES)
"""Nothing is to be read of a machine afterwards."""

HINDERED = "hindered"
"""Error code of what was not asked for because what it was decided on had changed."""


def step(pk: int, *, outcomes: Outcomes) -> float | None:
    """Takes one step of an operation. Returns the seconds until the next, or None when nothing is (left) to do."""
    with about(operation=pk):
        operation = claims.claim(pk)
        if operation is None:
            return None
        with about(**operation.concerns), claims.kept(operation):
            try:
                return _decided(operation, outcomes) if operation.verdict else _go_on(operation, outcomes)
            except HypervisorError as error:
                return troubled(operation, error, outcomes)


def _go_on(operation: Operation, outcomes: Outcomes) -> float | None:
    held = operation.held if operation.started_at else brakes.admit(operation)
    if held:
        wait(operation, held)
        return None
    if not (operation.attempt or operation.handle or operation.error_code) and _hindered(operation, outcomes):
        return None
    with connect(operation.endpoint) as hypervisor:
        if operation.error_code:
            hypervisor.discard(stamp_of(operation))
            end(operation, unmade(operation), None, outcomes)
            return None
        if operation.handle is None:
            return _submitted(operation, hypervisor)
        return _polled(operation, hypervisor, outcomes)


def _hindered(operation: Operation, outcomes: Outcomes) -> bool:
    """What it was decided on may have changed while it waited: then it ends, and has never begun."""
    problem = outcomes[operation.kind, operation.purpose].hindrance(operation)
    if problem and claims.note(operation, started_at=None, error_code=HINDERED, error=problem[:2000]):
        end(operation, State.FAILED, None, outcomes)
    return bool(problem)


def _submitted(operation: Operation, hypervisor: Hypervisor) -> float | None:
    handle = hypervisor.submit(order_of(operation))
    _answered(operation)
    changes = {"handle": dict(handle), "attempt": operation.attempt + 1, "waits_for": "", "changed_at": clock.now()}
    return POLL_EVERY / 2 if claims.release(operation, again_in=POLL_EVERY / 2, **changes) else None


def _polled(operation: Operation, hypervisor: Hypervisor, outcomes: Outcomes) -> float | None:
    progress = _looked(operation, hypervisor)
    _answered(operation)
    if not progress.done:
        if operation.late:
            raise TimedOut(_("The hypervisor did not come to an end with it in time."), native=progress.step)
        pause = _pause_after(operation, progress)
        return pause if claims.release(operation, again_in=pause, **_news(operation, progress)) else None
    facts, operation.made_ref = None, progress.ref
    if operation.kind not in NO_MACHINE_IS_LEFT:
        facts = hypervisor.machine(progress.ref or operation.on_machine.native_ref)
    if operation.kind == Kind.CREATE:
        look_for_doubles(operation, hypervisor)
    end(operation, State.SUCCEEDED, facts, outcomes)
    return None


def _looked(operation: Operation, hypervisor: Hypervisor) -> Progress:
    """Goes on while each look takes the work a step further: what the hypervisor does at once needs no pause."""
    order, progress = order_of(operation), Progress(False, step=operation.step)
    handle: Handle = operation.handle or {}
    moved_on = None
    for _turn in range(STRIDE + 1):
        step_before = progress.step
        progress = hypervisor.poll(order, handle)
        if progress.handle is not None:
            handle = moved_on = progress.handle
        if progress.done or progress.step == step_before:
            break
    return replace(progress, handle=moved_on)


def _answered(operation: Operation) -> None:
    if operation.endpoint.failing_since is not None:
        record_answer(operation.endpoint_id)


def _news(operation: Operation, progress: Progress) -> dict[str, object]:
    """Progress never runs backwards on the page; a retry may well start anew at the hypervisor."""
    percent = max(operation.progress, min(progress.percent, 99))
    news: dict[str, object] = {"waits_for": ""}
    if progress.handle is not None:
        news["handle"] = dict(progress.handle)
    if (percent, progress.step) != (operation.progress, operation.step):
        news |= {"progress": percent, "step": progress.step, "changed_at": clock.now()}
    return news


def _pause_after(operation: Operation, progress: Progress) -> float:
    """Until it is probably done where the hypervisor tells how far it is; otherwise the more rarely the longer."""
    age = (clock.now() - (operation.started_at or operation.created_at)).total_seconds()
    left = age * (100 - progress.percent) / progress.percent * 0.9 if progress.percent else age / 20
    return min(POLL_AT_LEAST, max(POLL_EVERY, left))


def _decided(operation: Operation, outcomes: Outcomes) -> float | None:
    """A person's word is carried out where that is safe: between two steps."""
    match operation.verdict:
        case Verdict.FAILED:
            if claims.note(operation, error_code="given_up", error=operation.verdict_reason):
                end(operation, State.FAILED, None, outcomes)
            return None
        case Verdict.DONE:
            _taken_at_their_word(operation, outcomes)
            return None
    if operation.started_at is None:
        if claims.note(operation, error_code="cancelled", error=operation.verdict_reason):
            end(operation, State.CANCELLED, None, outcomes)
        return None
    if not operation.error_code:
        if not claims.note(operation, error_code="cancelled", error=operation.verdict_reason):
            return None
        operation.error_code = "cancelled"
    return _go_on(operation, outcomes)


def _taken_at_their_word(operation: Operation, outcomes: Outcomes) -> None:
    """Somebody says that it is done: the hypervisor is asked, and has the last word."""
    facts, problem = None, ""
    with connect(operation.endpoint, read_only=True) as hypervisor:
        if operation.kind == Kind.CREATE:
            found = hypervisor.find(stamp_of(operation))
            problem = "" if len(found) == 1 else _("%(count)s machines carry its stamp.") % {"count": len(found)}
            facts = found[0] if found else None
        elif operation.kind in Operation.OF_FILES:
            problem = unlike_file(operation, hypervisor)
        else:
            try:
                facts = hypervisor.machine(operation.on_machine.native_ref)
                problem = _("The machine is still there.") if operation.kind == Kind.REMOVE else ""
            except NotFound:
                problem = "" if operation.kind == Kind.REMOVE else _("The machine is not there.")
    if facts is not None and not problem:
        problem = _unlike(operation, facts)
    if not problem:
        end(operation, State.SUCCEEDED, facts, outcomes)
    elif claims.release(operation, again_in=0, verdict="", verdict_by=None, verdict_reason="", error=problem):
        with transaction.atomic():
            record("operation.contradicted", operation, by=HOUSE, problem=problem)


def _unlike(operation: Operation, facts: MachineFacts) -> str:
    """What speaks against the work being done: a copy half-way is a machine with its stamp, too."""
    wanted = DONE_WHEN.get(Kind(operation.kind))
    if wanted and facts.power != wanted:
        return _("The machine does not run there.") if wanted == Power.ON else _("The machine is not off there.")
    if operation.kind == Kind.CREATE and facts.name != operation.arguments["name"]:
        return _("The machine is called %(name)s there.") % {"name": facts.name}
    return ""
