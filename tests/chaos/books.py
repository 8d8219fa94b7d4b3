"""What is promised of the books: spans and tenures against the hypervisor's log, and the record against the rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from tests.chaos.evidence import Evidence, Row
from tests.chaos.promises import OPEN, Broken, Check, by_machine

SECOND = timedelta(seconds=1)
"""Spans are cut to whole seconds."""
METERS = ("vcpu", "memory_mib", "disk_mib")
HELD = ("active", "expired", "quarantined", "removing", "removed")
LEADS_TO = {"came_back": "active", "kept": "quarantined"}


def no_overlaps(seen: Evidence) -> Iterator[Broken]:
    """Per machine and meter one span after the other; and one holder after the other."""
    lines = defaultdict(list)
    for span in seen.spans:
        lines[f"Spans of machine {span['machine_id']}, {span['meter']}"].append(span)
    for tenure in seen.tenures:
        lines[f"Tenures of machine {tenure['machine_id']}"].append(tenure)
    for what, rows in lines.items():
        for first, second in pairwise(rows):
            if first["ended_at"] is None or second["started_at"] < first["ended_at"]:
                yield Broken("twice", f"{what}: number {second['id']} begins before {first['id']} has ended.")


def charged_from_first_to_last(seen: Evidence) -> Iterator[Broken]:
    """The disk is charged without a gap from handing over to removal, as long as somebody holds the machine."""
    spans, tenures = by_machine(seen.spans), by_machine(seen.tenures)
    for machine in seen.machines:
        disks = [span for span in spans.get(machine["id"], ()) if span["meter"] == "disk_mib"]
        held = tenures.get(machine["id"], [])
        where = f"Machine {machine['id']} ({machine['stage']})"
        if machine["stage"] not in HELD:
            if disks or held:
                yield Broken("unsettled", f"{where} is charged to somebody, or held.")
            continue
        if not disks or not held:
            yield Broken("lost", f"{where} is charged to nobody, or held by nobody.")
            continue
        if any(first["ended_at"] != second["started_at"] for first, second in pairwise(disks)):
            yield Broken("lost", f"{where} has a gap between the spans of its disk.")
        if (disks[0]["started_at"], disks[-1]["ended_at"]) != (held[0]["started_at"], held[-1]["ended_at"]):
            yield Broken("unsettled", f"{where} is not charged for its disk while it is held.")
        if (disks[-1]["ended_at"] is None) != (machine["stage"] != "removed"):
            yield Broken("unsettled", f"{where} is charged until {disks[-1]['ended_at'] or 'now'}.")


def charged_while_on(seen: Evidence) -> Iterator[Broken]:
    """vCPU and memory are charged now just where the hypervisor has the machine running."""
    on = {vm.uuid for vm in seen.estate.vms if vm.on}
    open_ones = {(span["machine_id"], span["meter"]) for span in seen.spans if span["ended_at"] is None}
    for machine in seen.machines:
        if machine["stage"] not in HELD:
            continue
        for meter in ("vcpu", "memory_mib"):
            charged = (machine["id"], meter) in open_ones
            if charged != (machine["uuid"] in on):
                word = "charged" if charged else "not charged"
                yield Broken("unsettled", f"Machine {machine['id']} ({machine['stage']}) is {word} for {meter} now.")


def within_the_hypervisors_log(seen: Evidence) -> Iterator[Broken]:
    """Nothing is charged before the machine was there, and no vCPU from a moment when it was off."""
    if seen.estate.events is None:
        return
    events = defaultdict(list)
    for event in seen.estate.events:
        events[event["machine_ref"]].append((datetime.fromisoformat(event["at"]).astimezone(UTC), event["what"]))
    spans = by_machine(seen.spans)
    for machine in seen.machines:
        log = sorted(events.get(machine["native_ref"], ()))
        for span in spans.get(machine["id"], ()):
            if problem := _against(log, span):
                yield Broken("unsettled", f"Span {span['id']} of machine {machine['id']}, {span['meter']}, {problem}.")


def _against(log: list[tuple[datetime, str]], span: Row) -> str:
    created = [at for at, what in log if what == "created"]
    if not created or span["started_at"] < created[0] - SECOND:
        return f"begins at {span['started_at']}, before the machine was there ({created[:1]})"
    removed = [at for at, what in log if what == "removed"]
    if removed and span["started_at"] > removed[-1] + SECOND:
        return "begins when the machine is gone"
    if span["meter"] == "disk_mib":
        return ""
    powered = [(at, what) for at, what in log if what in ("powered on", "powered off")]
    before = [what for at, what in powered if at <= span["started_at"] + SECOND]
    if not before:
        return f"begins at {span['started_at']}, before the machine was powered on ({powered[:1]})"
    if before[-1] == "powered off" and not _came_on(powered, span):
        return f"begins at {span['started_at']}, while the machine is off ({powered})"
    return ""


def _came_on(powered: list[tuple[datetime, str]], span: Row) -> bool:
    """It was on at some moment within a second of the span's beginning, which is cut to the second."""
    ons = [at for at, what in powered if what == "powered on"]
    offs = [at for at, what in powered if what == "powered off"]
    started = span["started_at"]
    return any(
        on <= started + SECOND and (not (later := [off for off in offs if off > on]) or later[0] >= started)
        for on in ons
    )


def moves_are_recorded(seen: Evidence) -> Iterator[Broken]:
    """The record of a machine is a chain of allowed moves that leads to where it stands."""
    from lifecycle.estate.stages import MOVES

    table = {stage.value: {to.value for to in allowed} for stage, allowed in MOVES.items()}
    chains = defaultdict(list)
    for entry in seen.entries:
        if entry["object_type"] == "machine" and entry["verb"].startswith("machine."):
            to = entry["verb"].removeprefix("machine.")
            chains[entry["object_id"]].append((entry["detail"].get("before"), LEADS_TO.get(to, to)))
    for machine in seen.machines:
        chain = [(before, to) for before, to in chains[machine["id"]] if to in table]
        if not chain or chain[0][1] not in ("building", "discovered"):
            yield Broken("lost", f"The record does not say how machine {machine['id']} began.")
            continue
        for (_, stood), (before, to) in pairwise(chain):
            if before != stood:
                yield Broken("lost", f"The record of machine {machine['id']} goes from {stood} on as {before}.")
            if to not in table[before or stood]:
                yield Broken("unsettled", f"Machine {machine['id']} moved from {before} to {to}, which is no move.")
        if chain[-1][1] != machine["stage"]:
            yield Broken("lost", f"Machine {machine['id']} is {machine['stage']}; the record ends at {chain[-1][1]}.")


def ends_are_recorded(seen: Evidence) -> Iterator[Broken]:
    """Each operation that has ended has one entry that says how, and none says anything else."""
    found = defaultdict(list)
    for entry in seen.entries:
        verb = entry["verb"].removeprefix("operation.")
        if entry["object_type"] == "operation" and verb in ("succeeded", "failed", "cancelled"):
            found[entry["object_id"]].append(verb)
    for row in seen.operations:
        said, state = found[row["id"]], row["state"]
        if state not in OPEN and state not in said:
            yield Broken("lost", f"The record does not say that operation {row['id']} has {state}.")
        if len(said) > 1 or (said and state not in said):
            yield Broken("twice", f"Operation {row['id']} is {state}; the record says {', '.join(said)}.")


def requests_are_recorded(seen: Evidence) -> Iterator[Broken]:
    said = Counter(
        (entry["object_id"], entry["verb"].removeprefix("request."))
        for entry in seen.entries
        if entry["object_type"] == "request"
    )
    for row in seen.requests:
        if row["state"] in ("waiting", "building"):
            continue
        if (count := said[row["id"], row["state"]]) != 1:
            kind = "twice" if count else "lost"
            yield Broken(kind, f"The record says {count} times that request {row['id']} is {row['state']}.")


CHECKS: tuple[Check, ...] = (
    no_overlaps,
    charged_from_first_to_last,
    charged_while_on,
    within_the_hypervisors_log,
    moves_are_recorded,
    ends_are_recorded,
    requests_are_recorded,
)
