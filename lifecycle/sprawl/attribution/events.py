"""Who made it, and who last started or stopped it, as the hypervisor's own events say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lifecycle.sprawl.attribution.ground import Facts, Found, Ground


def collect(machines: Sequence[Facts], ground: Ground) -> Iterator[Found]:
    for machine in machines:
        if party := ground.known.account(machine.created_by):
            made = {"at": machine.created_at.isoformat(timespec="seconds")} if machine.created_at else {}
            yield Found(machine.pk, "created_by", machine.created_by, party, detail=made)
        if party := ground.known.account(machine.powered_by):
            yield Found(machine.pk, "powered_by", machine.powered_by, party)
