"""What happened to machines, and who made them, from the vCenter's own events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pyVmomi import vim, vmodl

from hypervisors.contract import Event, What
from hypervisors.errors import HypervisorError
from hypervisors.vmware.client import Client, where_allowed
from hypervisors.vmware.mapping import unescaped
from hypervisors.vmware.rows import reference
from hypervisors.words import line

WHATS: Mapping[str, What] = {
    "VmCreatedEvent": What.CREATED,
    "VmClonedEvent": What.CREATED,
    "VmDeployedEvent": What.CREATED,
    "VmRegisteredEvent": What.CREATED,
    "VmDiscoveredEvent": What.CREATED,
    "VmPoweredOnEvent": What.STARTED,
    "DrsVmPoweredOnEvent": What.STARTED,
    "VmResumingEvent": What.STARTED,
    "VmPoweredOffEvent": What.STOPPED,
    "VmSuspendedEvent": What.STOPPED,
    "VmGuestShutdownEvent": What.STOPPED,
    "VmReconfiguredEvent": What.CHANGED,
    "VmRenamedEvent": What.CHANGED,
    "VmResourceReallocatedEvent": What.CHANGED,
    "VmMigratedEvent": What.MOVED,
    "DrsVmMigratedEvent": What.MOVED,
    "VmRelocatedEvent": What.MOVED,
    "VmRemovedEvent": What.REMOVED,
    "VmResettingEvent": What.OTHER,
    "VmOrphanedEvent": What.OTHER,
    "VmDisconnectedEvent": What.OTHER,
}
"""Kinds of events that are asked for."""
MOST, PAGE = 10_000, 1000
MAKING = [kind for kind, what in WHATS.items() if what is What.CREATED]


class Maker(NamedTuple):
    """Who made a machine, and when; both empty when no event is left that tells."""

    who: str = ""
    at: datetime | None = None


def events(client: Client, since: datetime) -> list[Event]:
    spec = vim.event.EventFilterSpec(
        time=vim.event.EventFilterSpec.ByTime(beginTime=since), eventTypeId=list(WHATS), disableFullMessage=False
    )
    with _collector(client, spec) as collector:
        told = [_event(one) for one in _all(collector) if one.vm is not None and one.createdTime >= since]
    return sorted(told, key=lambda one: one.at)


@contextmanager
def _collector(client: Client, spec: Any) -> Iterator[Any]:
    """From the oldest on; a plain query gives the last few, whatever was asked. A session may have few of them."""
    collector = client.content.eventManager.CreateCollectorForEvents(spec)
    try:
        collector.SetCollectorPageSize(PAGE)
        collector.RewindCollector()
        yield collector
    finally:
        with suppress(vmodl.MethodFault, HypervisorError):
            collector.DestroyCollector()


def _all(collector: Any) -> Iterator[Any]:
    read = 0
    while read < MOST and (page := collector.ReadNextEvents(PAGE)):
        yield from page
        read += len(page)


def _event(told: Any) -> Event:
    kind = type(told).__name__.rpartition(".")[2]
    return Event(
        at=told.createdTime.astimezone(UTC),
        what=WHATS.get(kind, What.OTHER),
        machine_ref=reference(told.vm.vm),
        machine_name=line(unescaped(told.vm.name or "")),
        who=line(told.userName or ""),
        text=line(told.fullFormattedMessage or kind, 1000),
    )


def makers(client: Client, refs: Iterable[str]) -> dict[str, Maker]:
    """Asked once per machine and session: who made one does not change. Nothing where events may not be read."""
    known: dict[str, Maker] = client.keep("makers", dict)
    unknown = [ref for ref in refs if ref not in known]
    if unknown:
        with where_allowed():
            for found in _making(client, unknown):
                known.setdefault(reference(found.vm.vm), Maker(line(found.userName or ""), found.createdTime))
        for ref in unknown:
            known.setdefault(ref, Maker())
    return known


def _making(client: Client, refs: list[str]) -> Iterator[Any]:
    """One collector, for one machine or for all that were made: each costs as many calls."""
    spec = vim.event.EventFilterSpec(eventTypeId=MAKING, disableFullMessage=True)
    if len(refs) == 1:
        machine = client.object(vim.VirtualMachine, refs[0])
        spec.entity = vim.event.EventFilterSpec.ByEntity(entity=machine, recursion="self")
    with _collector(client, spec) as collector:
        yield from (one for one in _all(collector) if one.vm is not None)
