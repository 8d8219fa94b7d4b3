"""From a lease to the pieces that its bar is drawn from."""

from __future__ import annotations

import datetime as dt

from lifecycle.estate.models import Machine
from lifecycle.leases.models import Lease
from lifecycle.leases.queries import Segment, timeline

A_WHILE = dt.timedelta(days=3)


def lease_segments(lease: Lease, *, now: dt.datetime) -> list[Segment]:
    """The whole way, with the removal at its end."""
    segments = timeline(lease, now=now)
    if lease.held_at or not segments or segments[-1].end is None:
        return segments
    removal = segments[-1].end
    return [*segments, Segment("removed", removal, removal + A_WHILE, planned=removal > now, gone=True)]


def row_segments(machine: Machine, *, now: dt.datetime) -> list[Segment]:
    """For a row of a list: the lease, or what will be one when the machine is built."""
    lease = getattr(machine, "lease", None)
    if lease is not None:
        return timeline(lease, now=now)
    request = getattr(machine, "request", None)
    if request is not None and machine.stage == "building" and request.ends_at > now:
        return [Segment("active", now, request.ends_at, planned=True)]
    return []
