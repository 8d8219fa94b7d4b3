"""Rules, and what they fit."""

from __future__ import annotations

from dataclasses import dataclass

from lifecycle.estate.models import Machine, Stage
from lifecycle.estate.models.machines import MachineQuerySet
from lifecycle.sprawl.models import EstateRule
from lifecycle.sprawl.rules.matching import fitting

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Matches:
    count: int
    machines: list[Machine]
    """The first of them."""


def matches(rule: EstateRule, *, most: int = SHOWN) -> Matches:
    """Machines without a holder that a rule fits, saved or not; marked ones too, where the rule marks."""
    found = [pk for pk, _rule in fitting([rule], _of_nobody(rule))]
    shown = Machine.objects.select_related("endpoint").in_bulk(found[:most])
    return Matches(len(found), [shown[pk] for pk in found[:most] if pk in shown])


def _of_nobody(rule: EstateRule) -> MachineQuerySet:
    if rule.effect == EstateRule.Effect.MANAGED:
        machines: MachineQuerySet = Machine.objects.filter(stage=Stage.DISCOVERED, managed_by="")
        return machines
    return Machine.objects.ownerless()
