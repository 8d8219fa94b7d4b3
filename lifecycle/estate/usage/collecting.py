"""Asking an endpoint what its machines used: one question, then short writes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from hypervisors.contract import UsageSample
from hypervisors.errors import HypervisorError
from lifecycle import clock
from lifecycle.errors import DomainError
from lifecycle.estate.connections import can, connect
from lifecycle.estate.models import Endpoint, Machine, Power
from lifecycle.estate.usage.hours import Running, add
from lifecycle.estate.usage.samples import Size

log = logging.getLogger(__name__)

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Collected:
    """`asked` machines were running; of `added` something was written. Not `answered`: `error` says why."""

    answered: bool
    asked: int = 0
    added: int = 0
    error: str = ""


def collect(endpoint: Endpoint) -> Collected:
    """Writes what the running machines of an endpoint used since they were last asked about.

    Whatever fails is asked again the next time; whether the endpoint answers at all is the scan's to find out.
    """
    # Real time: by it endpoints rest, and whether one was asked has nothing to do with the shifted clock.
    began = datetime.now(UTC)
    if not can(endpoint, "usage") or (endpoint.rests_until and endpoint.rests_until > began):
        return Collected(answered=False)
    running = _running(endpoint)
    try:
        samples = _ask(endpoint, list(running))
    except (HypervisorError, DomainError) as error:
        log.warning("Endpoint %s does not tell what its machines use: %s", endpoint.pk, error.message)
        return Collected(answered=False, asked=len(running), error=error.message)
    except Exception as error:
        # An adapter that breaks its promise costs its own endpoint, not those after it.
        log.exception("Asking endpoint %s what its machines use broke off.", endpoint.pk)
        return Collected(answered=False, asked=len(running), error=str(error))
    now, added = clock.now(), 0
    for chunk in _chunks(_known(samples, running)):
        added += add(endpoint, chunk, running, now)
    Endpoint.objects.filter(pk=endpoint.pk).update(usage_at=began)
    return Collected(answered=True, asked=len(running), added=added)


def _running(endpoint: Endpoint) -> dict[str, Running]:
    """By reference: only machines that were on at the last look can have used anything."""
    there = Machine.objects.live().filter(endpoint=endpoint, power=Power.ON, missing_since=None)
    rows = there.exclude(native_ref="").order_by().values_list("native_ref", "pk", "vcpus", "memory_mib")
    return {ref: Running(pk, Size(vcpus, memory)) for ref, pk, vcpus, memory in rows.iterator()}


def _ask(endpoint: Endpoint, refs: Sequence[str]) -> Sequence[UsageSample]:
    """In one go: some hypervisors tell of all their machines whatever they are asked; the others chunk themselves."""
    if not refs:
        return ()
    with connect(endpoint, read_only=True) as hypervisor:
        return hypervisor.usage(refs)


def _known(samples: Iterable[UsageSample], running: Mapping[str, Running]) -> Iterator[UsageSample]:
    for sample in samples:
        ref = getattr(sample, "ref", None)
        if isinstance(ref, str) and ref in running:
            yield sample


def _chunks(samples: Iterator[UsageSample]) -> Iterator[list[UsageSample]]:
    while chunk := list(islice(samples, CHUNK)):
        yield chunk
