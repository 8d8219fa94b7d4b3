"""What machines use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hypervisors.contract import UsageSample
from hypervisors.kvm.hosts import Hosts


def usage(hosts: Hosts, refs: Sequence[str]) -> list[UsageSample]:
    """Of hosts that do not answer there is none."""
    wanted = set(refs)
    answers = hosts.ask(lambda client: client.use(), last=True).answers
    found: dict[str, UsageSample] = {}
    for client, used in answers:
        for uuid, stats in used:
            ref = f"{uuid}@{client.identity}" if uuid in found else uuid
            found[ref] = _sample(ref, stats)
    return [sample for ref, sample in found.items() if ref in wanted]


def _sample(ref: str, stats: Mapping[str, Any]) -> UsageSample:
    """Counted since the machine was started."""
    cpu = stats.get("cpu.time")
    return UsageSample(
        ref=ref,
        at=datetime.now(UTC),
        seconds=None,
        cpu_seconds=None if cpu is None else cpu / 1e9,
        memory_mib=_memory(stats),
        read_bytes=_sum(stats, "block", "rd.bytes"),
        written_bytes=_sum(stats, "block", "wr.bytes"),
        received_bytes=_sum(stats, "net", "rx.bytes"),
        sent_bytes=_sum(stats, "net", "tx.bytes"),
    )


def _memory(stats: Mapping[str, Any]) -> int | None:
    """As the guest's own balloon driver tells, else what the host has given it so far."""
    if "balloon.available" in stats and "balloon.unused" in stats:
        return int((stats["balloon.available"] - stats["balloon.unused"]) // 1024)
    if "balloon.rss" in stats:
        return int(min(stats["balloon.rss"], stats.get("balloon.current", stats["balloon.rss"])) // 1024)
    return None


def _sum(stats: Mapping[str, Any], group: str, word: str) -> int | None:
    """Of none it is 0; of those that were not asked, or do not tell, it is unknown."""
    count = stats.get(f"{group}.count")
    if count is None:
        return None
    found = [stats.get(f"{group}.{number}.{word}") for number in range(count)]
    return None if found and all(one is None for one in found) else sum(one or 0 for one in found)
