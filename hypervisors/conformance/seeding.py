"""Promises about seeds: the guest finds host name, keys and user data, and nobody finds them later."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from secrets import token_hex

from hypervisors.conformance.bench import Bench
from hypervisors.conformance.driving import HOLDING, created, discard, drive, new_order, watch
from hypervisors.conformance.promises import claim, promise, refused
from hypervisors.contract import (
    Annotate,
    CreateMachine,
    DetachSeed,
    PowerOff,
    PowerOn,
    RemoveMachine,
    Seed,
    TakeSnapshot,
)
from hypervisors.errors import InvalidRequest, Unreachable

KEYS = ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKH3Lx0v7Vq1T7CxkkyDyIBnXuMeTBbVwXH9b7m0bqyf lena@example.org",)


def seeded(bench: Bench, **changes: object) -> CreateMachine:
    seed = Seed("web-01", KEYS, f"#cloud-config\npassword: {token_hex(12)}\n")
    return new_order(bench, **{"seed": seed} | changes)


def _secret(order: CreateMachine) -> str:
    return order.seed.user_data.split("password: ")[1].strip() if order.seed else ""


@contextmanager
def _all_that_is_logged() -> Iterator[list[str]]:
    """Every record of any logger, as a handler would write it."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(f"{record.getMessage()} {record.exc_info} {record.args}")

    root, listener = logging.getLogger(), Listener(logging.DEBUG)
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        yield said
    finally:
        root.setLevel(level)
        root.removeHandler(listener)


@promise(200, "seed")
def the_guest_finds_its_seed(bench: Bench) -> None:
    """cloud-init in the new machine reads host name, keys and user data as they were ordered."""
    order = seeded(bench)
    ref = created(bench, bench.connect(), order)
    claim(bench.seed_in(ref) == order.seed, f"{bench.seed_in(ref)}")


@promise(201, "seed")
def no_seed_is_no_seed(bench: Bench) -> None:
    """A machine that was ordered without one has none."""
    ref = created(bench, bench.connect(), new_order(bench))
    claim(bench.seed_in(ref) is None, f"{bench.seed_in(ref)}")


@promise(202, "seed")
def user_data_arrives_byte_by_byte(bench: Bench) -> None:
    """Quotes, markup, line ends and letters beyond ASCII are what they were."""
    text = "#!/bin/sh\necho \"größer\" <b> & '$HOME' ]]> \\n `id`\t%s {{x}}\r\nexit 0\n\n"
    order = seeded(bench, seed=Seed("a" * 63, (), text))
    ref = created(bench, bench.connect(), order)
    claim(bench.seed_in(ref) == order.seed, f"{bench.seed_in(ref)}")


@promise(203, "seed")
def long_user_data_arrives_whole(bench: Bench) -> None:
    """16 KiB that cannot be packed are not cut."""
    order = seeded(bench, seed=Seed("web-01", KEYS, "#cloud-config\n# " + token_hex(8150)))
    ref = created(bench, bench.connect(), order)
    claim(bench.seed_in(ref) == order.seed, "It was cut or changed.")


@promise(204, "seed")
def a_malformed_seed_is_refused(bench: Bench) -> None:
    """A host name, a key or user data that no guest could take are InvalidRequest, and nothing is left."""
    before, hv = (dict(bench.machines()), bench.disks()), bench.connect()
    for seed in (
        Seed("Not A Host"),
        Seed("web-01\nruncmd: [reboot]"),
        Seed("web-01", ("not a key",)),
        Seed("web-01", (f"{KEYS[0]}\n{KEYS[0]}",)),
        Seed("web-01", (), "x" * 17_000),
    ):
        order = new_order(bench, seed=seed)
        refused(lambda order=order: drive(bench, hv, order), InvalidRequest)  # type: ignore[misc]
        discard(bench, hv, order.stamp)
    claim((dict(bench.machines()), bench.disks()) == before, "Something is left.")


@promise(205, "seed")
def a_detached_seed_is_gone(bench: Bench) -> None:
    """The guest finds none, storage holds as many disks as without one, and the machine runs on."""
    hv, order, before = bench.connect(), seeded(bench), len(bench.disks())
    ref = created(bench, hv, order)
    drive(bench, hv, DetachSeed(ref, order.stamp))
    claim(bench.seed_in(ref) is None, "The guest still reads it.")
    claim(len(bench.disks()) == before + 1, f"{bench.disks()}")
    claim(bench.machines()[ref].on, "It was stopped.")


@promise(206, "seed")
def detaching_twice_succeeds(bench: Bench) -> None:
    """What has no seed any more is done at once, and so is what never had one."""
    hv, order, plain = bench.connect(), seeded(bench), new_order(bench)
    ref, other = created(bench, hv, order), created(bench, hv, plain)
    drive(bench, hv, DetachSeed(ref, order.stamp))
    drive(bench, hv, DetachSeed(ref, order.stamp))
    drive(bench, hv, DetachSeed(other, plain.stamp))
    claim(bench.machines()[ref].on and bench.machines()[other].on, "Something was stopped.")


@promise(207, "seed")
def a_seed_stays_until_it_is_detached(bench: Bench) -> None:
    """Stopped and started, the guest still finds it; a new holding does not take it away."""
    hv, order = bench.connect(), seeded(bench)
    ref = created(bench, hv, order)
    for step in (Annotate(ref, HOLDING), PowerOff(ref), PowerOn(ref)):
        drive(bench, hv, step)
    claim(bench.seed_in(ref) == order.seed, f"{bench.seed_in(ref)}")


@promise(208, "seed")
def a_detached_seed_stays_away(bench: Bench) -> None:
    """Stopped and started, and written on, the machine has no seed again."""
    hv, order = bench.connect(), seeded(bench)
    ref = created(bench, hv, order)
    for step in (DetachSeed(ref, order.stamp), PowerOff(ref), PowerOn(ref), Annotate(ref, HOLDING)):
        drive(bench, hv, step)
    claim(bench.seed_in(ref) is None, f"{bench.seed_in(ref)}")


@promise(209, "seed")
def a_seed_is_no_disk(bench: Bench) -> None:
    """The machine has the one disk that was ordered, and no more."""
    hv, order = bench.connect(), seeded(bench)
    ref = created(bench, hv, order)
    claim([disk.size_mib for disk in hv.machine(ref).disks] == [order.disk_mib], f"{hv.machine(ref).disks}")
    claim(bench.hardware(ref).disks_mib == (order.disk_mib,), f"{bench.hardware(ref)}")


@promise(210, "seed")
def a_removed_machine_takes_its_seed_along(bench: Bench) -> None:
    """Nothing is left of a seed whose machine is gone."""
    hv, order, before = bench.connect(), seeded(bench), bench.disks()
    ref = created(bench, hv, order)
    drive(bench, hv, RemoveMachine(ref, order.stamp.uuid))
    claim(bench.disks() == before, f"{bench.disks() - before}")


@promise(211, "seed")
def a_discarded_machine_takes_its_seed_along(bench: Bench) -> None:
    """Discard leaves no seed, whether the machine was finished or not."""
    hv, before = bench.connect(), bench.disks()
    finished, begun = seeded(bench), seeded(bench)
    created(bench, hv, finished)
    hv.poll(begun, hv.submit(begun))
    discard(bench, hv, finished.stamp)
    discard(bench, hv, begun.stamp)
    claim(bench.disks() == before, f"{bench.disks() - before}")


@promise(212, "seed")
def a_seed_survives_a_lost_connection(bench: Bench) -> None:
    """Another process, with no handle, ends what was begun: the guest finds its seed."""
    order, first = seeded(bench), bench.connect()
    first.poll(order, first.submit(order))
    first.close()
    ref = created(bench, bench.connect(), order)
    claim(bench.seed_in(ref) == order.seed, f"{bench.seed_in(ref)}")


@promise(213, "seed")
def user_data_is_told_to_nobody(bench: Bench) -> None:
    """It is in no representation of the order, no handle, no progress, no fact and no log."""
    order = seeded(bench)
    with _all_that_is_logged() as said:
        hv = bench.connect()
        handle = hv.submit(order)
        progress = watch(bench, hv, order, handle)
        facts = (hv.machine(progress[-1].ref), hv.inventory(), hv.find(order.stamp))
    for what, told in {
        "the order": repr(order),
        "a handle": repr(handle),
        "the progress": repr(progress),
        "the facts": repr(facts),
        "the log": "\n".join(said),
    }.items():
        claim(_secret(order) not in told, f"It is in {what}.")


@promise(214, "seed")
def user_data_is_in_no_error(bench: Bench) -> None:
    """Neither a refusal nor a broken connection repeats it."""
    hv, order = bench.connect(), seeded(bench)
    with _all_that_is_logged() as said:
        told = [refused(lambda: drive(bench, hv, replace(order, name="conf/../name")), InvalidRequest)]
        bench.go_dark()
        try:
            told.append(refused(lambda: hv.submit(order), Unreachable))
        finally:
            bench.come_back()
    texts = [text for error in told for text in (error.message, error.native, repr(error))]
    claim(_secret(order) not in "\n".join([*texts, *said]), "It is in an error or in the log.")


@promise(215, "seed")
def a_detached_seed_is_shown_nowhere(bench: Bench) -> None:
    """Once detached, its user data is nowhere in what the hypervisor's own tools show on the machine."""
    hv, order = bench.connect(), seeded(bench)
    ref = created(bench, hv, order)
    drive(bench, hv, DetachSeed(ref, order.stamp))
    claim(_secret(order) not in f"{bench.shown_on(ref)} {hv.machine(ref)}", "It is still there.")


@promise(216, "seed", "snapshots")
def a_seed_outlives_no_snapshot(bench: Bench) -> None:
    """A machine with a snapshot loses its seed as well, and is removed without a trace."""
    hv, order, before = bench.connect(), seeded(bench), bench.disks()
    ref = created(bench, hv, order)
    drive(bench, hv, TakeSnapshot(ref, "first"))
    drive(bench, hv, DetachSeed(ref, order.stamp))
    claim(bench.seed_in(ref) is None, "The guest still reads it.")
    drive(bench, hv, RemoveMachine(ref, order.stamp.uuid))
    claim(bench.disks() == before, f"{bench.disks() - before}")
