"""What is promised of requests, machines and the hypervisor, whatever broke: each broken promise is one sentence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.chaos import journal
from tests.chaos.evidence import Evidence, Row

KINDS = ("lost", "twice", "leftover", "unsettled")
ENDED = ("done", "failed", "cancelled", "refused", "lapsed")
OPEN = ("waiting", "running")


@dataclass(frozen=True)
class Broken:
    """`lost`: something is not there that was acknowledged. `twice`: it is there more than once. `leftover`: nobody has
    it. `unsettled`: books that do not agree with themselves or with the hypervisor."""

    kind: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.sentence}"


def last_line(broken: list[Broken]) -> str:
    found = Counter(each.kind for each in broken)
    return " ".join(f"{kind} {found[kind]}" for kind in KINDS)


Check = Callable[[Evidence], Iterator[Broken]]


def requests_ended(seen: Evidence) -> Iterator[Broken]:
    for row in seen.requests:
        if row["state"] not in ENDED:
            yield Broken("unsettled", f"Request {row['id']} ({row['name']}) is still {row['state']}.")


def submissions(seen: Evidence) -> Iterator[Broken]:
    """A key is one request, and what was answered is there."""
    there = {row["id"] for row in seen.requests}
    for key, numbers in seen.log.submitted.items():
        if len(numbers) > 1:
            yield Broken("twice", f"Key {key} was answered with the requests {sorted(numbers)}.")
        for number in sorted(numbers - there):
            yield Broken("lost", f"Request {number} was acknowledged and is not there.")
    names = Counter(row["name"] for row in seen.requests)
    for name, count in names.items():
        if count > 1:
            yield Broken("twice", f"{name} was ordered once and stands in {count} requests.")


def accepted_work(seen: Evidence) -> Iterator[Broken]:
    there = {row["id"] for row in seen.operations}
    for number in sorted(seen.log.operations - there):
        yield Broken("lost", f"Operation {number} was accepted and is not there.")


def one_vm_each(seen: Evidence) -> Iterator[Broken]:
    """Done is one VM, and any other end is none; removed is none either."""
    machines = {row["id"]: row for row in seen.machines}
    vms = Counter(vm.uuid for vm in seen.estate.vms)
    for row in seen.requests:
        machine = machines.get(row["machine_id"])
        found = vms[machine["uuid"]] if machine else 0
        where = f"Request {row['id']} ({row['name']}) is {row['state']}"
        if row["state"] == "done":
            gone = machine is not None and machine["stage"] == "removed"
            if not found and not gone:
                yield Broken("lost", f"{where} and its machine {row['machine_id']} is not on the hypervisor.")
            if found and gone:
                yield Broken("leftover", f"{where}, its machine was removed and is still on the hypervisor.")
        elif found:
            yield Broken("leftover", f"{where} and has {found} machines on the hypervisor.")
        if found > 1:
            yield Broken("twice", f"{where} and has {found} machines on the hypervisor.")


def ordered(seen: Evidence) -> dict[int, Row]:
    """The machines that somebody asked for, by number; whatever else has a row was found by a scan."""
    asked = {row["machine_id"] for row in seen.requests}
    return {row["id"]: row for row in seen.machines if row["id"] in asked}


def nothing_left(seen: Evidence) -> Iterator[Broken]:
    known = {row["uuid"] for row in ordered(seen).values()} | {vm.uuid for vm in seen.before.vms}
    for vm in seen.estate.vms:
        if vm.uuid not in known:
            yield Broken("leftover", f"{vm.name} ({vm.ref}) is on the hypervisor and belongs to no machine of ours.")
    for name in sorted(seen.estate.loose - seen.before.loose):
        yield Broken("leftover", f"{name} was left over on the hypervisor.")


def nothing_found(seen: Evidence) -> Iterator[Broken]:
    """No scan took a machine that was ordered for one that nobody knows."""
    ours = {row["uuid"]: number for number, row in ordered(seen).items()}
    for row in seen.machines:
        if row["id"] not in ours.values() and row["uuid"] in ours:
            yield Broken("twice", f"Machine {ours[row['uuid']]} was found by a scan as machine {row['id']} once more.")


def as_it_is_there(seen: Evidence) -> Iterator[Broken]:
    """A machine that is held looks on the hypervisor as the portal says: finished, by its name, on or off."""
    vms = {vm.uuid: vm for vm in seen.estate.vms}
    for row in seen.machines:
        vm = vms.get(row["uuid"])
        if vm is None or row["stage"] not in ("active", "quarantined"):
            continue
        if (vm.name, vm.finished, vm.ref) != (row["name"], True, row["native_ref"]):
            yield Broken("unsettled", f"Machine {row['id']} ({row['name']}, {row['native_ref']}) is there as {vm}.")
        if (row["power"] == "on") != vm.on:
            word = "on" if vm.on else "off"
            yield Broken("unsettled", f"Machine {row['id']} is said to be {row['power']} and is {word}.")


def _subject(row: Row) -> str:
    return f"machine {row['machine_id']}" if row["machine_id"] else f"disk file {row['disk_file_id']}"


def operations_ended(seen: Evidence) -> Iterator[Broken]:
    for row in seen.operations:
        where = f"Operation {row['id']} ({row['kind']} of {_subject(row)})"
        if row["state"] in OPEN:
            yield Broken("unsettled", f"{where} is still {row['state']}, waiting for {row['waits_for'] or 'nothing'}.")
        elif row["claimed_by"] or row["claimed_until"]:
            yield Broken("unsettled", f"{where} has ended and is still claimed by {row['claimed_by']}.")
        elif row["ended_at"] is None:
            yield Broken("unsettled", f"{where} has ended at no time.")


def stages_settled(seen: Evidence) -> Iterator[Broken]:
    """No machine is on its way while nothing is at work on it."""
    at_work = {row["machine_id"] for row in seen.operations if row["state"] in OPEN}
    for row in seen.machines:
        if row["stage"] in ("building", "removing", "expired") and row["id"] not in at_work:
            yield Broken("unsettled", f"Machine {row['id']} ({row['name']}) is {row['stage']} and nothing is at it.")


def one_notice_each(seen: Evidence) -> Iterator[Broken]:
    keys = Counter(row["key"] for row in seen.notices)
    for key, count in keys.items():
        if count > 1:
            yield Broken("twice", f"The notice {key} was written {count} times.")
    for row in seen.requests:
        if row["state"] == "done" and not keys[f"request_ready:{row['id']}"]:
            yield Broken("lost", f"Nobody was told that request {row['id']} is done.")
        if row["state"] != "done" and keys[f"request_ready:{row['id']}"]:
            yield Broken("unsettled", f"Request {row['id']} is {row['state']}, and somebody was told that it is ready.")


def one_mail_each(seen: Evidence) -> Iterator[Broken]:
    """A sender that died between the mail and its note may try again; nobody else sends a mail twice."""
    tries: Counter[tuple[str, str]] = Counter()
    for row in seen.notices:
        tries[row["email"], row["subject"]] += max(1, row["attempts"])
    for mail, count in Counter(seen.mails).items():
        if count > tries[mail]:
            yield Broken("twice", f"{mail[0]} was mailed “{mail[1]}” {count} times in {tries[mail]} tries.")


def one_claim_at_a_time(seen: Evidence) -> Iterator[Broken]:
    for first, second in journal.overlaps(seen.claims):
        yield Broken(
            "twice",
            f"Operation {first.operation} was claimed by {second.token} at {second.begun:%H:%M:%S.%f},"
            f" while {first.token} had it until {first.until:%H:%M:%S.%f}.",
        )


def by_machine(rows: list[Row]) -> dict[int, list[Row]]:
    found = defaultdict(list)
    for row in rows:
        found[row["machine_id"]].append(row)
    return found


CHECKS: tuple[Check, ...] = (
    requests_ended,
    submissions,
    accepted_work,
    one_vm_each,
    nothing_left,
    nothing_found,
    as_it_is_there,
    operations_ended,
    stages_settled,
    one_notice_each,
    one_mail_each,
    one_claim_at_a_time,
)
