"""The checks themselves: nothing to say of books in order, and a sentence for whatever is wrong with them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.chaos import books, promises
from tests.chaos.clients import Log
from tests.chaos.evidence import Estate, Evidence, Vm
from tests.chaos.journal import Claim

BEGUN = datetime(2026, 3, 1, 12, tzinfo=UTC)
UUID = uuid.UUID(int=7)
METERS = ("disk_mib", "memory_mib", "vcpu")
Spoil = Callable[[Evidence], Any]


def after(seconds: float) -> datetime:
    return BEGUN + timedelta(seconds=seconds)


def in_order() -> Evidence:
    """One machine: ordered, built and handed over, and nothing else."""
    vm = Vm("vm-1", UUID, "churn", on=True, finished=True)
    events = [
        {"at": after(at).isoformat(), "machine_ref": "vm-1", "what": what}
        for at, what in ((5, "created"), (6, "powered on"))
    ]
    log = Log(submitted={"key": {1}}, operations={1})
    moves = [("machine.building", {"request": 1}), ("machine.active", {"before": "building"})]
    said: list[tuple[str, str, dict[str, Any]]] = [
        ("operation", "operation.succeeded", {}),
        ("request", "request.done", {}),
    ]
    return Evidence(
        requests=[{"id": 1, "name": "churn", "state": "done", "machine_id": 1}],
        machines=[{"id": 1, "uuid": UUID, "name": "churn", "native_ref": "vm-1", "stage": "active", "power": "on"}],
        operations=[
            {
                "id": 1, "machine_id": 1, "kind": "create", "state": "succeeded", "claimed_by": "",
                "claimed_until": None, "waits_for": "", "ended_at": after(8),
            }
        ],
        spans=[
            {"id": number, "machine_id": 1, "meter": meter, "started_at": after(8), "ended_at": None}
            for number, meter in enumerate(METERS)
        ],
        tenures=[{"id": 1, "machine_id": 1, "started_at": after(8), "ended_at": None}],
        leases=[],
        notices=[{"key": "request_ready:1", "email": "lena@example.org", "subject": "Ready", "attempts": 1}],
        entries=[
            {"object_type": kind, "object_id": 1, "verb": verb, "detail": detail}
            for kind, verb, detail in [*(("machine", *move) for move in moves), *said]
        ],
        before=Estate([], set(), []),
        estate=Estate([vm], set(), events),
        log=log,
        claims=[Claim(1, "one", after(1), after(3)), Claim(1, "two", after(3), after(8))],
        mails=[("lena@example.org", "Ready")],
    )  # fmt: skip


def found(seen: Evidence) -> list[promises.Broken]:
    return [broken for check in (*promises.CHECKS, *books.CHECKS) for broken in check(seen)]


def test_books_in_order_break_nothing() -> None:
    assert found(in_order()) == []


SPOILT: dict[str, tuple[str, Spoil]] = {
    "request never ends": ("unsettled", lambda seen: seen.requests[0].update(state="building")),
    "request acknowledged and gone": ("lost", lambda seen: seen.log.submission("other", 2)),
    "key answered twice": ("twice", lambda seen: seen.log.submission("key", 2)),
    "work accepted and gone": ("lost", lambda seen: seen.log.operations.add(9)),
    "vm gone": ("lost", lambda seen: seen.estate.vms.clear()),
    "vm twice": ("twice", lambda seen: seen.estate.vms.append(replace(seen.estate.vms[0], ref="vm-2"))),
    "vm of nobody": ("leftover", lambda seen: seen.estate.vms.append(Vm("vm-2", uuid.uuid4(), "x", False, True))),
    "vm found once more": (
        "twice",
        lambda seen: seen.machines.append(seen.machines[0] | {"id": 2, "stage": "discovered"}),
    ),
    "vm of a failed request": ("leftover", lambda seen: seen.requests[0].update(state="failed")),
    "vm of a removed machine": ("leftover", lambda seen: seen.machines[0].update(stage="removed")),
    "disk left": ("leftover", lambda seen: seen.estate.loose.add("lh-1/lh-1.vmdk")),
    "vm by its working name": ("unsettled", lambda seen: seen.machines[0].update(name="other")),
    "power unlike": ("unsettled", lambda seen: seen.machines[0].update(power="off")),
    "work open": ("unsettled", lambda seen: seen.operations[0].update(state="running")),
    "claim left": ("unsettled", lambda seen: seen.operations[0].update(claimed_by="one")),
    "on its way and nobody at it": ("unsettled", lambda seen: seen.machines[0].update(stage="expired")),
    "nobody told": ("lost", lambda seen: seen.notices.clear()),
    "told twice": ("twice", lambda seen: seen.notices.append(seen.notices[0])),
    "mailed twice": ("twice", lambda seen: seen.mails.append(seen.mails[0])),
    "claimed twice": ("twice", lambda seen: seen.claims.append(Claim(1, "three", after(7), after(9)))),
    "span twice": ("twice", lambda seen: seen.spans.insert(0, seen.spans[0])),
    "span with a gap": (
        "lost",
        lambda seen: seen.spans.insert(0, seen.spans[0] | {"started_at": after(7), "ended_at": after(7.5)}),
    ),
    "disk charged to nobody": ("lost", lambda seen: seen.spans.pop(0)),
    "cpu not charged": ("unsettled", lambda seen: seen.spans.pop(2)),
    "span before the machine": ("unsettled", lambda seen: seen.spans[2].update(started_at=after(1))),
    "span while it is off": (
        "unsettled",
        lambda seen: (seen.estate.events or []).append(
            {"at": after(6.5).isoformat(), "machine_ref": "vm-1", "what": "powered off"}
        ),
    ),
    "tenure twice": ("twice", lambda seen: seen.tenures.append(seen.tenures[0])),
    "move not recorded": ("lost", lambda seen: seen.entries.pop(1)),
    "move not allowed": ("unsettled", lambda seen: seen.entries[1].update(verb="machine.removing")),
    "end not recorded": ("lost", lambda seen: seen.entries.pop(2)),
    "end recorded twice": ("twice", lambda seen: seen.entries.append(seen.entries[2])),
    "request's end not recorded": ("lost", lambda seen: seen.entries.pop(3)),
}


@pytest.mark.parametrize("name", SPOILT)
def test_whatever_is_wrong_is_said(name: str) -> None:
    kind, spoil = SPOILT[name]
    seen = in_order()
    spoil(seen)

    assert kind in {broken.kind for broken in found(seen)}


def test_last_line_counts_each_kind() -> None:
    broken = [promises.Broken("twice", "…"), promises.Broken("twice", "…"), promises.Broken("lost", "…")]

    assert promises.last_line(broken) == "lost 1 twice 2 leftover 0 unsettled 0"
