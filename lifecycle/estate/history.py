"""Writing spans and tenures. Every function runs inside the caller's transaction; times are cut to whole seconds."""

from __future__ import annotations

from datetime import datetime

from lifecycle.estate.models import Machine, Meter, Power, Span, Tenure
from lifecycle.people.models import CostCentre, Team, User


def quantities(machine: Machine) -> dict[Meter, int]:
    """What runs now: disk always, vCPU and memory only while the power is on."""
    running = machine.power == Power.ON
    wanted = {
        Meter.VCPU: machine.vcpus if running else 0,
        Meter.MEMORY: machine.memory_mib if running else 0,
        Meter.DISK: machine.disk_mib,
    }
    return {meter: quantity for meter, quantity in wanted.items() if quantity}


def settle(machine: Machine, *, at: datetime, cause: str, ended_at: datetime | None = None) -> None:
    """Brings the open spans in line with the machine's columns; does nothing where they agree.

    What no longer holds ends at `ended_at`, what holds now begins at `at`. For our own acts both are the same second.
    For changes seen from outside `ended_at` is the previous look: the holder has the benefit of the doubt.
    """
    wanted = quantities(machine)
    for span in Span.objects.filter(machine=machine, ended_at=None):
        if wanted.get(Meter(span.meter)) == span.quantity:
            del wanted[Meter(span.meter)]
        else:
            _end(span, ended_at or at)
    Span.objects.bulk_create(
        Span(machine=machine, meter=meter, quantity=quantity, started_at=_second(at), cause=cause)
        for meter, quantity in wanted.items()
    )


def close_spans(machine: Machine, *, at: datetime) -> None:
    """Ends all metering; a second call finds nothing to end."""
    for span in Span.objects.filter(machine=machine, ended_at=None):
        _end(span, at)


def begin_tenure(
    machine: Machine, *, holder: User | None, team: Team | None, cost_centre: CostCentre | None, at: datetime
) -> Tenure:
    """From this second on this person or team holds the machine, and the cost centre pays."""
    return Tenure.objects.create(
        machine=machine, holder=holder, team=team, cost_centre=cost_centre, started_at=_second(at)
    )


def end_tenure(machine: Machine, *, at: datetime) -> None:
    for tenure in Tenure.objects.filter(machine=machine, ended_at=None):
        _end(tenure, at)


def forget(tenure: Tenure) -> None:
    """As if it had never been: what was given by mistake is charged to nobody. The caller has cleared its lines."""
    Span.objects.filter(machine=tenure.machine_id, started_at__gte=tenure.started_at).delete()
    tenure.delete()


def _end(row: Span | Tenure, at: datetime) -> None:
    """Ends a row, or drops it when it would have lasted no second: an empty one is no history."""
    at = _second(at)
    if at > row.started_at:
        row.ended_at = at
        row.save(update_fields=["ended_at"])
    else:
        row.delete()


def _second(at: datetime) -> datetime:
    return at.replace(microsecond=0)
