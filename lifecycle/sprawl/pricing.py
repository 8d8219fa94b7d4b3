"""What the subjects of findings cost a month."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from lifecycle.errors import Invalid
from lifecycle.estate.models import Machine, Power
from lifecycle.money.quotes import monthly_cents_of

log = logging.getLogger(__name__)


def machine_cents(ids: Iterable[int]) -> dict[int, int]:
    """What a holder would pay: a stopped machine costs its disks, as everywhere."""
    machines = Machine.objects.filter(pk__in=list(ids)).order_by()
    try:
        return monthly_cents_of(
            [machine if machine.power == Power.ON else _only_disks(machine) for machine in machines]
        )
    except Invalid as error:
        # Without prices an orphan is still an orphan.
        log.warning("Findings have no price: %s", error)
        return {}


def _only_disks(machine: Machine) -> Machine:
    return Machine(pk=machine.pk, vcpus=0, memory_mib=0, disk_mib=machine.disk_mib)
