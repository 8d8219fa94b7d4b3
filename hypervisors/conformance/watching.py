"""Promises about looking again: what changed, what was used, and what happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypervisors.conformance.bench import Bench
from hypervisors.conformance.disks import SIZE
from hypervisors.conformance.driving import created, drive, new_name, new_order
from hypervisors.conformance.promises import claim, promise
from hypervisors.contract import (
    AddDisk,
    Changes,
    Event,
    Hypervisor,
    MachineFacts,
    PowerOff,
    PowerOn,
    RemoveMachine,
    TakeSnapshot,
    What,
)


def _refs(changes: Changes) -> list[str]:
    return [machine.ref for machine in changes.machines]


def _settled(bench: Bench, hv: Hypervisor) -> str:
    """A token from which on nothing changes by itself: one more look than was needed."""
    return hv.changes(hv.changes("").token).token


@promise(220, "changes")
def without_a_token_everything_is_told(bench: Bench) -> None:
    """All machines, as a scan tells them, and a token."""
    bench.make_by_hand(new_name(), on=True)
    bench.make_by_hand(new_name())
    hv = bench.connect(read_only=True)
    told, scan = hv.changes(""), hv.inventory()
    claim(told.whole and told.complete and bool(told.token), f"{told}")
    claim(sorted(_refs(told)) == sorted(machine.ref for machine in scan.machines), f"{_refs(told)}")


@promise(221, "changes")
def nothing_changed_is_told_as_nothing(bench: Bench) -> None:
    """Machines that nobody touched are not told, whether they run or not."""
    bench.make_by_hand(new_name(), on=True)
    bench.make_by_hand(new_name())
    hv = bench.connect(read_only=True)
    told = hv.changes(_settled(bench, hv))
    claim(told.complete and not (told.whole or told.machines or told.gone), f"{told}")


@promise(222, "changes")
def what_people_changed_is_told_alone(bench: Bench) -> None:
    """Of three machines the one that somebody renamed is told, as a single look tells it."""
    refs = [bench.make_by_hand(new_name()) for _ in range(3)]
    hv = bench.connect(read_only=True)
    token = _settled(bench, hv)
    bench.rename_by_hand(refs[1], new_name())
    told = hv.changes(token)
    claim(_refs(told) == [refs[1]] and not told.whole and not told.gone, f"{told}")
    claim(_same(told.machines[0], hv.machine(refs[1])), f"{told.machines[0]}")


def _same(one: MachineFacts, other: MachineFacts) -> bool:
    """But for its use, which changes nothing."""
    skipped = {"cpu_percent"}
    names = [name for name in MachineFacts.__dataclass_fields__ if name not in skipped]
    return all(getattr(one, name) == getattr(other, name) for name in names)


@promise(223, "changes")
def a_new_machine_is_told(bench: Bench) -> None:
    """One that somebody made since, and no other."""
    bench.make_by_hand(new_name())
    hv = bench.connect(read_only=True)
    token = _settled(bench, hv)
    ref = bench.make_by_hand(new_name())
    told = hv.changes(token)
    claim(_refs(told) == [ref] and not told.gone, f"{told}")


@promise(224, "changes")
def a_machine_that_is_gone_is_told(bench: Bench) -> None:
    """Its reference is among those that are gone, and no machine is told."""
    hv, order = bench.connect(), new_order(bench)
    bench.make_by_hand(new_name())
    ref = created(bench, hv, order)
    token = _settled(bench, hv)
    drive(bench, hv, RemoveMachine(ref, order.stamp.uuid))
    told = hv.changes(token)
    claim(list(told.gone) == [ref] and not told.machines, f"{told}")


@promise(225, "changes")
def the_same_token_tells_the_same_again(bench: Bench) -> None:
    """Whoever loses an answer asks again and loses nothing."""
    ref = bench.make_by_hand(new_name())
    hv = bench.connect(read_only=True)
    token = _settled(bench, hv)
    bench.rename_by_hand(ref, new_name())
    first, again = hv.changes(token), hv.changes(token)
    claim(_refs(first) == [ref] == _refs(again), f"{first}, then {again}")


@promise(226, "changes")
def a_token_holds_on_any_connection(bench: Bench) -> None:
    """Another connection, made after the first was closed, goes on from it."""
    refs = [bench.make_by_hand(new_name()) for _ in range(2)]
    hv = bench.connect(read_only=True)
    token = _settled(bench, hv)
    hv.close()
    bench.rename_by_hand(refs[0], new_name())
    told = bench.connect(read_only=True).changes(token)
    claim(_refs(told) == [refs[0]] and not told.whole, f"{told}")


@promise(227, "changes")
def a_token_that_makes_no_sense_tells_everything(bench: Bench) -> None:
    """Garbage, and a part of a token, are as good as none: no error, and nothing is left out."""
    ref = bench.make_by_hand(new_name())
    hv = bench.connect(read_only=True)
    token = hv.changes("").token
    for wrong in ("nonsense", "m1:%%%", token[: len(token) // 2], "x" * 10_000, "\x00\ud800", "0", "-1"):
        told = hv.changes(wrong)
        claim(told.whole and ref in _refs(told), f"{wrong[:20]!r}: {told}")


@promise(228, "changes")
def a_token_holds_no_secret(bench: Bench) -> None:
    """It is text that any database takes, without the endpoint's secret."""
    hv = bench.connect(read_only=True)
    token = hv.changes("").token
    claim(token.isascii() and token.isprintable(), f"{token[:60]!r}")
    claim(not hv.target.secret or hv.target.secret not in token, "The secret is in it.")


@promise(229, "changes")
def a_change_of_power_is_told(bench: Bench) -> None:
    """A machine that was started, and then one that was stopped."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    bench.make_by_hand(new_name())
    for order in (PowerOn(ref), PowerOff(ref)):
        token = _settled(bench, hv)
        drive(bench, hv, order)
        claim(_refs(hv.changes(token)) == [ref], f"{type(order).__name__} is not told.")


@promise(230, "changes", "disks")
def a_new_disk_is_told(bench: Bench) -> None:
    """A machine that has one more disk is told with it."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    token = _settled(bench, hv)
    drive(bench, hv, AddDisk(ref, "data", SIZE))
    told = hv.changes(token)
    claim(_refs(told) == [ref] and len(told.machines[0].disks) == 2, f"{told}")


@promise(231, "changes", "snapshots")
def a_new_snapshot_is_told(bench: Bench) -> None:
    """A machine that has a snapshot is told with it."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    token = _settled(bench, hv)
    drive(bench, hv, TakeSnapshot(ref, "before"))
    told = hv.changes(token)
    claim(_refs(told) == [ref] and len(told.machines[0].snapshots) == 1, f"{told}")


@promise(232, "changes")
def changes_go_on_from_a_scan(bench: Bench) -> None:
    """With the token of a scan only what changed after it is told: one renamed, one made."""
    refs = [bench.make_by_hand(new_name(), on=number == 0) for number in range(3)]
    hv = bench.connect(read_only=True)
    _settled(bench, hv)
    token = hv.inventory().token
    claim(bool(token), "The scan has no token.")
    bench.rename_by_hand(refs[1], new_name())
    refs.append(bench.make_by_hand(new_name()))
    told = hv.changes(token)
    claim(sorted(_refs(told)) == sorted([refs[1], refs[3]]) and not told.whole and not told.gone, f"{told}")


@promise(235, "usage")
def use_is_told_of_machines_that_run(bench: Bench) -> None:
    """Each machine once at the most, in UTC, with no amount below nothing; those that are off or gone have none."""
    on, off, gone = bench.make_by_hand(new_name(), on=True), bench.make_by_hand(new_name()), "conf-nothing"
    told = bench.connect(read_only=True).usage([on, off, gone])
    claim([sample.ref for sample in told] == [on], f"{told}")
    claim(told[0].at.utcoffset() == timedelta(0), f"{told}")
    amounts = ("seconds", "cpu_seconds", "memory_mib", "read_bytes", "written_bytes", "received_bytes", "sent_bytes")
    found = [getattr(told[0], name) for name in amounts]
    claim(all(value is None or value >= 0 for value in found) and found[1] is not None, f"{told}")


@promise(236, "usage")
def use_of_nothing_is_nothing(bench: Bench) -> None:
    """Asked for no machine, there is no sample."""
    bench.make_by_hand(new_name(), on=True)
    told = bench.connect(read_only=True).usage([])
    claim(not told, f"{told}")


@promise(240, "events")
def what_happened_is_told(bench: Bench) -> None:
    """That a machine was made, started and stopped, oldest first, in UTC and with its reference."""
    hv, order, since = bench.connect(), new_order(bench), datetime.now(UTC) - timedelta(seconds=2)
    ref = created(bench, hv, order)
    drive(bench, hv, PowerOff(ref))
    told = [event for event in hv.events(since) if event.machine_ref == ref]
    whats = [event.what for event in told]
    claim({What.CREATED, What.STARTED, What.STOPPED} <= set(whats), f"{told}")
    claim(whats.index(What.CREATED) < whats.index(What.STARTED) < whats.index(What.STOPPED), f"{told}")
    claim(_ordered(told), f"{told}")


def _ordered(told: list[Event]) -> bool:
    times = [event.at for event in told]
    return times == sorted(times) and all(at.utcoffset() == timedelta(0) for at in times)


@promise(241, "events")
def what_happened_before_is_not_told(bench: Bench) -> None:
    """Asked from a moment on, nothing from before it is told, and nothing from after it is missing."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    drive(bench, hv, PowerOn(ref))
    told = hv.events(datetime.now(UTC) - timedelta(minutes=5))
    claim(bool(told), "Nothing is told.")
    since = told[-1].at
    drive(bench, hv, PowerOff(ref))
    later = hv.events(since)
    claim(all(event.at >= since for event in later), f"{later}")
    claim(any(event.what is What.STOPPED and event.machine_ref == ref for event in later), f"{later}")


@promise(242, "events")
def a_removal_is_told(bench: Bench) -> None:
    """That a machine is gone, with its name."""
    hv, order, since = bench.connect(), new_order(bench), datetime.now(UTC) - timedelta(seconds=2)
    drive(bench, hv, RemoveMachine(created(bench, hv, order), order.stamp.uuid))
    told = [event for event in hv.events(since) if event.what is What.REMOVED]
    claim(order.name in {event.machine_name for event in told}, f"{told}")


@promise(243, "events", "authors")
def who_made_it_is_told(bench: Bench) -> None:
    """The account that made a machine is in the event, and in the facts of a scan."""
    hv, order, since = bench.connect(), new_order(bench), datetime.now(UTC) - timedelta(seconds=2)
    ref = created(bench, hv, order)
    who = {event.who for event in hv.events(since) if (event.machine_ref, event.what) == (ref, What.CREATED)}
    told = next(machine for machine in hv.inventory().machines if machine.ref == ref)
    claim(len(who) == 1 and "" not in who and told.created_by in who, f"{who}, {told.created_by!r}")
