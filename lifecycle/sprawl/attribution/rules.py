"""Rules that say whose a machine might be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lifecycle.sprawl.attribution.directory import Party
from lifecycle.sprawl.attribution.ground import Facts, Found, Ground
from lifecycle.sprawl.models import EstateRule
from lifecycle.sprawl.rules.matching import networks_of


def collect(machines: Sequence[Facts], ground: Ground) -> Iterator[Found]:
    if not ground.hints:
        return
    near = networks_of([m.pk for m in machines]) if any(each.networks is not None for each in ground.hints) else {}
    for machine in machines:
        facts = (machine.endpoint, machine.name, machine.folder, machine.labels, near.get(machine.pk, ()))
        for each in ground.hints:
            if (party := _whose(each.rule)) and each.fits(*facts):
                yield Found(machine.pk, _what(each.rule), each.rule.name, party)


def _whose(rule: EstateRule) -> Party | None:
    if rule.person_id:
        return Party("person", rule.person_id)
    return Party("team", rule.team_id) if rule.team_id else None


def _what(rule: EstateRule) -> str:
    """Whoever may rename a machine can bring it under a rule about names."""
    return "rule_text" if rule.machine_name or rule.label else "rule_place"
