"""Use, from the figures that each host keeps of its own machines: means of five seconds, ten minutes back."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from hypervisors import fields
from hypervisors.contract import UsageSample
from hypervisors.errors import AccessDenied, InvalidRequest, Unreachable
from hypervisors.xen import mapping
from hypervisors.xen.client import Client

WINDOW = 60
"""Seconds of one sample."""
COLUMN = re.compile(r"AVERAGE:vm:([0-9a-f-]{36}):([a-z0-9_]+)")
RATES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"cpu\d+"), "cpu"),
    (re.compile(r"vbd_[a-z0-9]+_read"), "read"),
    (re.compile(r"vbd_[a-z0-9]+_write"), "written"),
    (re.compile(r"vif_\d+_rx"), "received"),
    (re.compile(r"vif_\d+_tx"), "sent"),
)
"""Shares of a processor, and bytes per second."""


def usage(client: Client, refs: Sequence[str]) -> list[UsageSample]:
    """A host that does not answer tells nothing of its machines; the coordinator has to."""
    wanted = set(refs)
    if not wanted:
        return []
    pool = next(iter(client.records("pool").values()))
    now = mapping.when(client.call("host.get_servertime", pool["master"]))
    query = {"start": str(int((now or datetime.now(UTC)).timestamp()) - WINDOW), "host": "false", "json": "true"}
    found: dict[str, UsageSample] = {}
    for ref, address in _hosts(client, str(pool["master"])):
        own = ref == pool["master"]
        try:
            told = client.get("/rrd_updates", {**query, "cf": "AVERAGE"}, "" if own else address)
        except (Unreachable, AccessDenied):
            if own:
                raise
            continue
        for sample in samples(told, wanted):
            if sample.ref not in found or found[sample.ref].at < sample.at:
                found[sample.ref] = sample
    return list(found.values())


def _hosts(client: Client, coordinator: str) -> Iterable[tuple[str, str]]:
    """Those that live, the coordinator first; each is asked at the address that the pool knows it by."""
    live = {ref for ref, one in client.records("host_metrics").items() if one["live"]}
    hosts = client.records("host")
    yield coordinator, ""
    for ref, host in hosts.items():
        if ref != coordinator and host["metrics"] in live and host["address"]:
            with suppress(InvalidRequest):
                fields.host(str(host["address"]))
                yield ref, str(host["address"])


def samples(told: Any, wanted: set[str]) -> Iterable[UsageSample]:
    try:
        step, legend = float(told["meta"]["step"]), list(told["meta"]["legend"])
        rows = [(float(row["t"]), [float(value) for value in row["values"]]) for row in told["data"]]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Unreachable("The pool answered something that cannot be understood.", native="rrd_updates") from None
    columns: dict[str, dict[str, int]] = {}
    for place, name in enumerate(legend):
        match = COLUMN.fullmatch(str(name))
        if match and match[1] in wanted:
            columns.setdefault(match[1], {})[match[2]] = place
    for ref, places in columns.items():
        sample = _sample(ref, places, rows, step)
        if sample is not None:
            yield sample


def _sample(
    ref: str, places: Mapping[str, int], rows: Sequence[tuple[float, list[float]]], step: float
) -> UsageSample | None:
    """Rows in which a machine was not there hold no numbers."""
    first = next(iter(places.values()))
    own = [(at, values) for at, values in rows if first < len(values) and math.isfinite(values[first])]
    if not own or step <= 0:
        return None
    sums: dict[str, float] = {}
    for name, place in places.items():
        kind = next((kind for pattern, kind in RATES if pattern.fullmatch(name)), "")
        if kind:
            sums[kind] = sums.get(kind, 0.0) + sum(_amount(values, place) for _, values in own) * step
    latest_at, latest = max(own)
    amounts = {f"{kind}_bytes": int(sums[kind]) for kind in ("read", "written", "received", "sent") if kind in sums}
    return UsageSample(
        ref=ref,
        at=datetime.fromtimestamp(latest_at, UTC),
        seconds=step * len(own),
        cpu_seconds=sums.get("cpu"),
        memory_mib=_memory(places, latest),
        **amounts,
    )


def _amount(values: Sequence[float], place: int) -> float:
    found = values[place] if place < len(values) else 0.0
    return max(0.0, found) if math.isfinite(found) else 0.0


def _memory(places: Mapping[str, int], values: Sequence[float]) -> int | None:
    """What the machine has, less what its guest reports as free."""
    if "memory" not in places:
        return None
    free = _amount(values, places["memory_internal_free"]) * 1024 if "memory_internal_free" in places else 0.0
    return max(0, int(_amount(values, places["memory"]) - free)) // mapping.MIB
