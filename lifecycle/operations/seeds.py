"""The seed of a new machine: kept until its first start is over, then detached and forgotten, once."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from hypervisors.contract import MachineFacts
from lifecycle import clock
from lifecycle.audit.actions import HOUSE, record
from lifecycle.estate.models import ENDED, Machine, Power, Seed, Stage
from lifecycle.notices.actions import post
from lifecycle.operations.actions import order
from lifecycle.operations.models import Operation
from lifecycle.operations.power import why
from lifecycle.people.queries import admins

LONGEST = timedelta(days=1)
"""After its handover a seed is detached also from a machine that was hardly ever seen running."""
AGAIN_IN = timedelta(hours=1)
BATCH = 500

STANDS = (Stage.ACTIVE, Stage.QUARANTINED)
"""Neither on its way to another stage, nor gone."""


def begin(machine: Machine, *, at: datetime) -> None:
    """The machine was handed over, running. Inside the caller's transaction."""
    Seed.objects.filter(machine=machine).update(started_at=at, detach_at=at + kept_for())


def forget(machine: Machine) -> None:
    """Nothing of it is needed any more. Inside the caller's transaction."""
    Seed.objects.filter(machine=machine).delete()


def kept_for() -> timedelta:
    return timedelta(minutes=settings.SEED_KEPT_MINUTES)


def detach_due(*, now: datetime | None = None) -> int:
    """Orders that seeds are detached from machines that ran for long enough. Returns how many."""
    now = now or clock.now()
    _follow_power(now)
    ordered = 0
    for seed in _waiting().filter(detach_at__lte=now).select_related("machine").defer("user_data")[:BATCH]:
        with transaction.atomic():
            ordered += _order(seed, now)
    Seed.objects.filter(machine__stage__in=ENDED).delete()
    return ordered


def _waiting() -> QuerySet[Seed]:
    return Seed.objects.filter(ordered_at=None, started_at__isnull=False, machine__stage__in=STANDS)


def _follow_power(now: datetime) -> None:
    """What was switched off in the middle of its first start gets its time anew; but nobody waits for ever."""
    waiting, last = _waiting(), now - LONGEST
    waiting.exclude(machine__power=Power.ON).filter(tries=0, started_at__gt=last).update(detach_at=None)
    waiting.filter(machine__power=Power.ON, detach_at=None).update(detach_at=now + kept_for())
    waiting.filter(detach_at=None, started_at__lte=last).update(detach_at=now)


def _order(seed: Seed, now: datetime) -> int:
    machine = seed.machine
    if machine is None or not Seed.objects.filter(pk=seed.pk, ordered_at=None).update(ordered_at=now):
        return 0
    creation = Operation.objects.filter(machine=machine, kind=Operation.Kind.CREATE).values_list("pk", flat=True)
    order(
        machine,
        Operation.Kind.DETACH_SEED,
        purpose=Operation.Purpose.SEED,
        by=HOUSE,
        key=f"seed:{seed.seed_id}:{seed.tries}",
        arguments={"creation": creation.get()},
    )
    return 1


def detached(operation: Operation, facts: MachineFacts | None) -> None:
    """Nobody can read it any more, here or there. Runs in the transaction that ends the operation."""
    forget(operation.on_machine)
    record("machine.seed_detached", operation.on_machine, by=HOUSE)


def stays(operation: Operation, facts: MachineFacts | None) -> None:
    """It could not be detached, or somebody called that off: administrators hear it once; it is tried again later."""
    machine = operation.on_machine
    seed = Seed.objects.select_for_update().filter(machine=machine).first()
    if seed is None:
        return
    seed.ordered_at, seed.detach_at, seed.tries = None, clock.now() + AGAIN_IN, min(seed.tries + 1, 30_000)
    seed.save(update_fields=["ordered_at", "detach_at", "tries"])
    record("machine.seed_stays", machine, by=HOUSE, error=operation.error_code)
    for person in admins():
        post(
            person,
            "seed_stays",
            key=f"seed_stays:{seed.seed_id}:{person.pk}",
            subject=_("What %(machine)s was told for its first start is still there") % {"machine": machine},
            context={"machine": machine.name, "words": why(operation)},
            path=f"/operations/{operation.pk}/",
        )
