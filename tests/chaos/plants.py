"""Bugs, planted in a worker by name, to see that the chaos finds them. Each is one that was nearly written once."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from typing import Any

from tests.chaos.points import BETWEEN, Plan


def no_stamp_check(_plan: Plan) -> None:
    """The adapter makes a new machine without looking for what an earlier submit left, and nothing refuses its name."""
    from hypervisors.simulated import creating, machines

    def submit(client: Any, order: Any) -> dict[str, str]:
        task, ref = client.clone(
            order.image_ref, name=creating.working_name(order.stamp), uuid=str(order.stamp.uuid),
            stamp=order.stamp.operation, pool_ref=order.pool_ref,
        )  # fmt: skip
        return {"machine": ref, "task": task}

    creating.submit = submit
    machines.check_name = lambda *_args, **_options: None


def blind_claim(plan: Plan) -> None:
    """A claim that reads whether the work is due, and then writes without asking again.

    The adapter would bear it: two submits at once make one machine. It is made blind here, and the claim stands alone.
    """
    from django.db.models import F
    from django.db.models.functions import Now

    from lifecycle.operations import brakes, claims
    from lifecycle.operations.models import Operation

    def claim(pk: int) -> Operation | None:
        if not claims.due().filter(pk=pk).exists():
            return None
        plan.pass_by(BETWEEN, pk)
        plan.come_after(BETWEEN, "submit.before")
        token = f"blind:{os.getpid()}:{uuid.uuid4().hex[:12]}"
        until = Now() + claims.CLAIM
        Operation.objects.filter(pk=pk).update(claimed_by=token, claimed_until=until, turn=F("turn") + 1)
        operation = Operation.objects.select_related("machine", "endpoint").get(pk=pk)
        operation.claimed_by, operation.held = token, brakes.standing(operation.endpoint)
        return operation

    claims.claim = claim
    no_stamp_check(plan)


def outcome_apart(_plan: Plan) -> None:
    """An operation is ended first, and what follows from it is done afterwards."""
    from django.db import transaction

    from lifecycle.audit.actions import HOUSE, record
    from lifecycle.operations import claims, endings, engine
    from lifecycle.operations.models import Operation

    def end(operation: Any, state: Any, facts: Any, outcomes: Any) -> None:
        outcome = outcomes[operation.kind, operation.purpose]
        with transaction.atomic():
            if not claims.finish(operation, state):
                return
            operation.refresh_from_db()
            record(f"operation.{state}", operation, by=HOUSE)
        with transaction.atomic():
            (outcome.succeeded if state == Operation.State.SUCCEEDED else outcome.failed)(operation, facts)

    for module in (endings, engine):
        setattr(module, "end", end)  # noqa: B010 - both have taken it by name


PLANTS: dict[str, Callable[[Plan], None]] = {
    "no stamp check": no_stamp_check,
    "blind claim": blind_claim,
    "outcome apart": outcome_apart,
}
