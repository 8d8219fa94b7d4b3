"""Scans of the simulated data centre: gaps, hostile values, use, speed."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from hypervisors.contract import Power, Target
from hypervisors.errors import AccessDenied, Busy, InvalidRequest, Unreachable
from hypervisors.simulated import populate
from hypervisors.simulated.adapter import Simulated
from hypervisors.simulated.datacentre import DataCentre


@pytest.mark.parametrize("part", ["pools", "hosts", "datastores", "networks", "images", "machines"])
def test_scan_with_a_part_denied_is_not_complete(part: str, dc: DataCentre, watching: Simulated) -> None:
    dc.add_fault(f"list_{part}", "denied")

    scan = watching.inventory()

    assert (scan.complete, len(scan.gaps), part in scan.gaps[0]) == (False, 1, True)


@pytest.mark.parametrize("part", ["pools", "machines"])
def test_scan_that_breaks_off_is_unreachable(part: str, dc: DataCentre, watching: Simulated) -> None:
    dc.add_fault(f"list_{part}", "unreachable")

    with pytest.raises(Unreachable):
        watching.inventory()


def test_scan_makes_no_changing_call(dc: DataCentre, watching: Simulated) -> None:
    watching.inventory()

    assert dc.calls(changing=True) == []


@pytest.mark.parametrize("machines", [1, 60])
def test_scan_takes_the_same_statements_for_any_number(machines: int, dc: DataCentre, watching: Simulated) -> None:
    for number in range(machines):
        dc.make_machine_by_hand(f"web-{number}")
    watching.check()
    statements: list[str] = []
    watching.client.storage._open().set_trace_callback(statements.append)

    watching.inventory()

    assert sum(statement.startswith("SELECT * FROM machines") for statement in statements) == 1
    assert sum(statement.startswith("SELECT * FROM disks") for statement in statements) == 1


def test_scan_of_a_company_is_fast(dc: DataCentre, watching: Simulated) -> None:
    populate.fill(dc, machines=300)
    started = time.perf_counter()

    scan = watching.inventory()

    assert (len(scan.machines), time.perf_counter() - started < 0.5) == (300, True)


def test_free_space_is_what_disks_leave(dc: DataCentre, watching: Simulated) -> None:
    before = watching.inventory().datastores[0]
    dc.add_loose_disk("lost/lost.vmdk", size_mib=1_000, datastore_ref=before.ref)

    assert watching.inventory().datastores[0].free_mib == before.free_mib - 1_000


@pytest.mark.parametrize(
    ("column", "raw", "told"),
    [
        ("power", "half-on", Power.UNKNOWN),
        ("uuid", "not-a-uuid", None),
        ("created_at", "yesterday", None),
        ("name", "a\x00b\x1b[31m", "ab[31m"),
        ("note", "one\ntwo\x00", "one\ntwo"),
        ("managed_by", "vCLS", "vCLS"),
    ],
)
def test_strange_values_come_back_harmless(
    column: str, raw: str, told: Any, dc: DataCentre, watching: Simulated
) -> None:
    ref = dc.make_machine_by_hand("web-1")
    dc.change_by_hand(ref, **{column: raw})

    assert getattr(watching.machine(ref), column) == told


def test_bytes_that_are_no_text_hide_nothing(dc: DataCentre, watching: Simulated) -> None:
    ref = dc.make_machine_by_hand("web-1")
    with dc.storage.write() as db:
        db.execute("UPDATE machines SET note = CAST(x'ff41' AS TEXT)")

    assert watching.machine(ref).note == "\ufffdA"


def test_registered_again_keeps_the_uuid(dc: DataCentre, watching: Simulated) -> None:
    ref = dc.make_machine_by_hand("web-1")
    before = watching.machine(ref)

    after = watching.machine(dc.register_again(ref))

    assert (after.uuid, after.ref == ref) == (before.uuid, False)


def test_use_of_a_stopped_machine_is_not_told(dc: DataCentre, watching: Simulated) -> None:
    assert watching.machine(dc.make_machine_by_hand("web-1", power="off")).cpu_percent is None


def test_slow_data_centre_is_unreachable_after_the_time_out(dc: DataCentre) -> None:
    dc.set("latency_ms", 60_000)
    hv = Simulated(Target("simulated", path=dc.path, timeout=0.05))

    with pytest.raises(Unreachable):
        hv.check()
    hv.close()


def test_locked_file_is_busy(dc: DataCentre) -> None:
    hv = Simulated(Target("simulated", path=dc.path, timeout=0.05))

    with dc.storage.write(), pytest.raises(Busy):
        hv.check()
    hv.close()


def test_file_that_is_none_is_unreachable(dc: DataCentre, tmp_path: Any) -> None:
    (tmp_path / "junk.dc.sqlite3").write_bytes(b"not a database" * 100)
    for name in ("junk", "absent"):
        hv = Simulated(Target("simulated", path=str(tmp_path / f"{name}.dc.sqlite3")))
        with pytest.raises(Unreachable):
            hv.check()
        hv.close()
    assert not (tmp_path / "absent.dc.sqlite3").exists()


def test_fault_strikes_as_often_as_told(dc: DataCentre, watching: Simulated) -> None:
    dc.add_fault("about", "denied", count=2)
    for _ in range(2):
        with pytest.raises(AccessDenied):
            watching.check()

    assert watching.check()


def test_fault_by_chance_strikes_sometimes(dc: DataCentre, watching: Simulated) -> None:
    dc.add_fault("*", "busy", probability=0.5)
    struck = 0
    for _ in range(60):
        try:
            watching.check()
        except Busy:
            struck += 1

    assert 10 < struck < 50


@pytest.mark.parametrize(
    "path",
    ["", "a.dc.sqlite3", "/nowhere-at-all/a.dc.sqlite3", "{}/../a.dc.sqlite3", "{}/a.sqlite3", "{}/.dc.sqlite3",
     "{}/a?mode=memory.dc.sqlite3", "{}/a\n.dc.sqlite3", "{}/a\x00.dc.sqlite3"],
)  # fmt: skip
def test_validate_refuses_paths_outside_the_allow_list(path: str, tmp_path: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^Path:"):
        Simulated.validate(Target("simulated", path=path.format(tmp_path)))


def test_validate_accepts_a_file_to_be(tmp_path: Any) -> None:
    Simulated.validate(Target("simulated", path=f"{tmp_path}/vc ham-01.dc.sqlite3"))


def test_created_at_follows_the_clock_of_the_data_centre(dc: DataCentre, watching: Simulated) -> None:
    dc.clock = lambda: datetime(2026, 11, 20, 10, 42, tzinfo=UTC)

    made = watching.machine(dc.make_machine_by_hand("web-1")).created_at

    assert made == datetime(2026, 11, 20, 10, 42, tzinfo=UTC)
