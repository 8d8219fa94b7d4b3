"""What a scan found, as tests ask for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from lifecycle import clock
from lifecycle.estate.models import Machine, Snapshot
from lifecycle.leases.models import Lease
from lifecycle.sprawl.actions import scan
from lifecycle.sprawl.models import Finding, Kind
from tests.lifecycle.factories import make_machine, make_user


def found(kind: Kind, now: datetime | None = None) -> set[str]:
    """Names of what stands open after a scan."""
    scan(now=now)
    return {finding.subject.name for finding in Finding.objects.filter(kind=kind, ended_at=None)}


def evidence(finding: Finding) -> dict[str, str]:
    return {entry["what"]: entry["value"] for entry in finding.evidence}


def finding_of(machine: Machine, kind: Kind) -> Finding:
    return Finding.objects.get(machine=machine, kind=kind, ended_at=None)


def make_lease(machine: Machine, **fields: Any) -> Lease:
    """Runs for another month, unless told otherwise."""
    now = clock.now()
    fields.setdefault("started_at", now - timedelta(days=400))
    fields.setdefault("ends_at", now + timedelta(days=30))
    fields.setdefault("latest_end", max(fields["ends_at"], now + timedelta(days=365)))
    fields.setdefault("end_set_at", fields["started_at"])
    fields.setdefault("zone", "Europe/Berlin")
    fields.setdefault("grace_days", 7)
    fields.setdefault("restore_days", 7)
    fields.setdefault("warn_days", [14, 7, 3, 1])
    return Lease.objects.create(machine=machine, **fields)


def make_held(name: str = "", *, lease: dict[str, Any] | None = None, **fields: Any) -> Machine:
    """A machine with a holder and a lease, and nothing wrong with it."""
    if not {"holder", "team"} & fields.keys():
        fields["holder"] = make_user()
    machine = make_machine(name, **fields)
    make_lease(machine, **lease or {})
    return machine


def make_snapshot(machine: Machine, ref: str, parent: str = "", **fields: Any) -> Snapshot:
    fields.setdefault("name", f"snapshot {ref}")
    fields.setdefault("first_seen_at", clock.now())
    return Snapshot.objects.create(machine=machine, ref=ref, parent_ref=parent, **fields)
