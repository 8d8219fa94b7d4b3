"""Custom fields and tags. Some are there to say whose a machine is: owner, contact, team, cost centre."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lifecycle.sprawl.attribution.directory import Party
from lifecycle.sprawl.attribution.ground import Facts, Found, Ground
from lifecycle.sprawl.attribution.words import words

OWNERS = frozenset({
    "owner", "owned", "contact", "responsible", "requester", "requestor", "requested", "creator", "created", "admin",
    "manager", "user", "username", "holder", "besitzer", "ansprechpartner", "verantwortlich", "mail", "email",
})  # fmt: skip
TEAMS = frozenset({"team", "department", "group", "abteilung", "unit", "squad", "org", "division"})
CENTRES = frozenset({"cost", "costcenter", "costcentre", "kostenstelle", "billing", "cc"})
MOST = 100
"""Labels of one machine that are looked at."""


def collect(machines: Sequence[Facts], ground: Ground) -> Iterator[Found]:
    for machine in machines:
        if isinstance(machine.labels, Mapping):
            for name, value in list(machine.labels.items())[:MOST]:
                yield from _said(machine, str(name), str(value or ""), ground)


def _said(machine: Facts, name: str, value: str, ground: Ground) -> Iterator[Found]:
    label, called = {"label": name[:255]}, set(words(name[:255]))
    if called & CENTRES and (team := ground.known.centres.get(value.strip().casefold())):
        yield Found(machine.pk, "label_cost_centre", value, Party("team", team), detail=label)
        return
    meant = called & (OWNERS | TEAMS)
    if value and meant and (party := ground.known.owner(value)):
        what = "label_team" if party.kind == "team" else "label_owner"
        yield Found(machine.pk, what, value, party, detail=label)
        return
    # A tag is a name without a value.
    for named in ground.known.named_in(value or name):
        if named.how != "surname" or meant:
            yield Found(machine.pk, "label_other", value or name, named.party, detail=label if value else {})
