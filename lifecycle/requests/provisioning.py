"""From an approved request to a machine that is handed over: written first, built by the engine, settled here."""

from __future__ import annotations

from django.utils.translation import gettext as _

from hypervisors.contract import MachineFacts
from lifecycle import clock
from lifecycle.audit.actions import HOUSE, Actor, record
from lifecycle.catalog.queries import takes_seed
from lifecycle.errors import Conflict
from lifecycle.estate import stages
from lifecycle.estate.facts import observe
from lifecycle.estate.models import FAR, Machine, Seed, Stage
from lifecycle.leases.actions import Terms, begin, holding, restamp
from lifecycle.notices.actions import post
from lifecycle.operations import seeds
from lifecycle.operations.actions import call_off, order
from lifecycle.operations.models import Operation
from lifecycle.operations.power import why
from lifecycle.requests import seeding
from lifecycle.requests.checks import check_last_day
from lifecycle.requests.models import Request

State = Request.State


def provision(request: Request, *, by: Actor) -> Operation:
    """Writes the machine's row and the operation that builds it. Runs inside the caller's transaction."""
    now = clock.now()
    if problem := check_last_day(request.blueprint, request.ends_at, now=now):
        raise Conflict(problem)
    if not request.blueprint.offered or request.blueprint.image.gone or request.blueprint.pool.gone:
        raise Conflict(_("%(blueprint)s is not offered any more.") % {"blueprint": request.blueprint})
    if request.seed_id and not takes_seed(request.blueprint):
        raise Conflict(
            _("Machines of %(blueprint)s take no host name, keys or user data any more. Have it asked for anew.")
            % {"blueprint": request.blueprint}
        )
    machine = Machine.objects.create(
        endpoint=request.blueprint.pool.endpoint,
        name=request.name,
        stage=Stage.BUILDING,
        holder=request.holder,
        team=request.team,
        cost_centre=request.cost_centre,
        purpose=request.purpose,
        vcpus=request.vcpus,
        memory_mib=request.memory_mib,
        disk_mib=request.disk_mib,
        pool=request.blueprint.pool,
        image=request.blueprint.image,
    )
    changed = Request.objects.filter(pk=request.pk, state=State.WAITING).update(
        state=State.BUILDING, decided_at=now, machine=machine
    )
    if not changed:
        raise Conflict(_("This request was changed a moment ago. Look again."))
    request.state, request.decided_at, request.machine = State.BUILDING, now, machine
    if request.seed_id:
        Seed.objects.filter(pk=request.seed_id).update(machine=machine)
    record("machine.building", machine, by=by, request=request.pk)
    return order(
        machine,
        Operation.Kind.CREATE,
        purpose=Operation.Purpose.ORDER,
        by=by,
        key=f"create:{request.pk}",
        arguments={
            "name": request.name,
            "image_ref": request.blueprint.image.ref,
            "pool_ref": request.blueprint.pool.ref,
            "vcpus": request.vcpus,
            "memory_mib": request.memory_mib,
            "disk_mib": request.disk_mib,
            "holding": holding(machine, request.ends_at),
            **seeding.argument(request),
        },
    )


def take_back(request: Request, *, by: Actor) -> Request:
    """Stops the building of a machine; the request ends when nothing is left of it. In the caller's transaction."""
    work = Operation.objects.filter(machine=request.machine, kind=Operation.Kind.CREATE).first()
    if work is None or not work.is_open:
        raise Conflict(_("It was handed over a moment ago. Give the machine back instead."))
    if work.verdict == Operation.Verdict.CANCEL:
        raise Conflict(_("It is being taken back already."))
    call_off(work, by=by, reason=_("withdrawn by whoever asked"))
    record("request.called_off", request, by=by)
    return request


def fulfilled(operation: Operation, facts: MachineFacts | None) -> None:
    """The machine runs: it is handed over in this second. Runs in the transaction that ends the operation."""
    request = Request.objects.select_related("blueprint", "requester").get(machine=operation.on_machine)
    if facts is None:
        raise RuntimeError("A created machine comes with its facts.")
    now = clock.now()
    machine = observe(operation.on_machine, facts, at=now, cause="handed_over")
    stages.move(machine, Stage.ACTIVE, by=HOUSE, reason=str(request), next_at=request.ends_at)
    lease = begin(
        machine, ends_at=request.ends_at, zone=request.requester.zone, terms=Terms.of(request.blueprint), at=now
    )
    seeds.begin(machine, at=now)
    if lease.ends_at != request.ends_at:
        restamp(lease, by=HOUSE)
    _end(request, State.DONE)
    subject = _("%(machine)s is ready") % {"machine": machine}
    _tell(request, "ready", subject, path=f"/machines/{machine.pk}/", ends_at=lease.ends_at.isoformat())


def failed(operation: Operation, facts: MachineFacts | None) -> None:
    """The machine was not made, or is not wanted any more: the requester hears why and can ask again."""
    request = Request.objects.select_related("requester").get(machine=operation.on_machine)
    stages.move(operation.on_machine, Stage.FAILED, by=HOUSE, reason=operation.error, next_at=FAR)
    seeds.forget(operation.on_machine)
    if operation.state == Operation.State.CANCELLED:
        _end(request, State.CANCELLED, failure=operation.error)
        if operation.verdict_by_id == request.requester_id:
            return
        subject = _("%(machine)s was cancelled before it was ready") % {"machine": request.name}
    else:
        _end(request, State.FAILED, failure=operation.error)
        subject = _("%(machine)s could not be made") % {"machine": request.name}
    _tell(request, "failed", subject, path=f"/requests/{request.pk}/", words=why(operation))


def _end(request: Request, state: State, *, failure: str = "") -> None:
    now = clock.now()
    Request.objects.filter(pk=request.pk, state=State.BUILDING).update(state=state, ended_at=now, failure=failure)
    request.state, request.ended_at, request.failure = state, now, failure
    record(f"request.{state}", request, by=HOUSE, reason=failure)


def _tell(request: Request, kind: str, subject: str, *, path: str, **context: str) -> None:
    post(
        request.requester,
        f"request_{kind}",
        key=f"request_{kind}:{request.pk}",
        subject=subject,
        context={"machine": request.name, "zone": request.requester.zone, **context},
        path=path,
    )
