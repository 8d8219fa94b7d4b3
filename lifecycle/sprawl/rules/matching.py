"""Which machines a rule fits. Names are hostile text: patterns are those of file names, compiled once, and linear."""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from lifecycle.estate.models import Machine, Network, Nic
from lifecycle.sprawl.models import EstateRule

CHUNK = 2000
LONGEST = 500
"""Signs of a text that are compared."""
COLUMNS = ("pk", "endpoint", "name", "folder", "labels")

Pattern = re.Pattern[str]
EMPTY = re.compile(r"\Z")


@dataclass(frozen=True)
class Compiled:
    """A rule that can be asked about one machine after the other. Every given condition must fit."""

    rule: EstateRule
    name: Pattern | None
    folder: Pattern | None
    label: Pattern | None
    value: Pattern | None
    networks: frozenset[int] | None

    def fits(self, endpoint: int, name: str, folder: str, labels: Any, networks: Collection[int]) -> bool:
        return (
            self.rule.endpoint_id in (None, endpoint)
            and (self.name is None or self.name.match(name[:LONGEST]) is not None)
            and (self.folder is None or self.folder.match(folder[:LONGEST]) is not None)
            and (self.label is None or self._labelled(labels))
            and (self.networks is None or not self.networks.isdisjoint(networks))
        )

    def _labelled(self, labels: Any) -> bool:
        return isinstance(labels, Mapping) and any(
            self.label is not None
            and self.label.match(str(name)[:LONGEST])
            and (self.value is None or self.value.match(str(value)[:LONGEST]))
            for name, value in labels.items()
        )


def glob(pattern: str) -> Pattern | None:
    """`*` and `?` as in file names, whatever the case; everything else means itself. None where nothing is asked."""
    if not pattern.strip():
        return None
    # Machines are called web[1]; brackets are no sets here. Stars in a row are one.
    plain = re.sub(r"\*+", "*", pattern.strip()).replace("[", "[[]")
    return re.compile(fnmatch.translate(plain), re.IGNORECASE)


def compiled(rules: Iterable[EstateRule]) -> list[Compiled]:
    """One query for networks, where a rule names any."""
    rules = list(rules)
    networks = list(Network.objects.order_by("pk").values_list("pk", "name")) if any(r.network for r in rules) else []
    return [_compiled(rule, networks) for rule in rules]


def _compiled(rule: EstateRule, networks: list[tuple[int, str]]) -> Compiled:
    label, equals, value = rule.label.partition("=")
    wanted = glob(rule.network)
    return Compiled(
        rule,
        name=glob(rule.machine_name),
        folder=glob(rule.folder),
        label=glob(label or "*") if rule.label.strip() else None,
        value=(glob(value) or EMPTY) if equals else None,
        networks=frozenset(pk for pk, name in networks if wanted.match(name[:LONGEST])) if wanted else None,
    )


def fitting(rules: Iterable[EstateRule], machines: QuerySet[Machine]) -> Iterator[tuple[int, EstateRule]]:
    """(id of a machine, the first rule that fits it), by id; a query per chunk, and one more where networks count."""
    asked = compiled(rules)
    after, chunk = 0, [0] if asked else []
    while chunk:
        rows = list(machines.filter(pk__gt=after).order_by("pk").values_list(*COLUMNS)[:CHUNK])
        chunk = [row[0] for row in rows]
        near = networks_of(chunk) if any(each.networks is not None for each in asked) else {}
        for pk, endpoint, name, folder, labels in rows:
            facts = endpoint, name, folder, labels, near.get(pk, ())
            if rule := next((each.rule for each in asked if each.fits(*facts)), None):
                yield pk, rule
        after = chunk[-1] if chunk else after


def networks_of(machines: Collection[int]) -> dict[int, set[int]]:
    found: defaultdict[int, set[int]] = defaultdict(set)
    nics = Nic.objects.filter(machine__in=machines, network__isnull=False).order_by()
    for pk, network in nics.values_list("machine", "network"):
        if network is not None:
            found[pk].add(network)
    return found
