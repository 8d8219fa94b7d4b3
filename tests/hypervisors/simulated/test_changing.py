"""Power, annotation and removal, where the data centre is at its most awkward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from hypervisors.contract import Annotate, Holding, PowerOff, PowerOn, Progress, RemoveMachine, Restart, Shutdown, Stamp
from hypervisors.errors import HypervisorError, InvalidRequest, NoCapacity, NotFound, WrongState
from hypervisors.simulated.adapter import Simulated
from hypervisors.simulated.datacentre import DataCentre

Drive = Callable[[Any], Progress]
HOLDING = Holding("Lena Brandt", "Load test", "2026-12-31")


def row(dc: DataCentre, ref: str) -> dict[str, Any]:
    return next(machine for machine in dc.machines() if machine["ref"] == ref)


def test_shutdown_lets_a_guest_stop_by_itself(dc: DataCentre, drive: Drive) -> None:
    ref = dc.make_machine_by_hand("web-1")

    drive(Shutdown(ref))

    assert [call["call"] for call in dc.calls(changing=True)] == ["shutdown"]


def test_shutdown_of_a_deaf_guest_waits_for_its_patience(dc: DataCentre, hv: Simulated) -> None:
    order = Shutdown(dc.make_machine_by_hand("web-1", deaf=True), patience=60)

    progress = hv.poll(order, hv.submit(order))

    assert (progress.done, row(dc, order.ref)["power"]) == (False, "on")


def test_shutdown_does_not_stop_a_machine_that_was_started_again(dc: DataCentre, hv: Simulated) -> None:
    order = Shutdown(dc.make_machine_by_hand("web-1"), patience=0)
    handle = hv.submit(order)
    dc.power_by_hand(order.ref, "on")

    assert hv.poll(order, handle).done
    assert row(dc, order.ref)["power"] == "on"


def test_shutdown_with_a_lost_handle_counts_from_when_it_was_asked(dc: DataCentre, hv: Simulated, drive: Drive) -> None:
    order = Shutdown(dc.make_machine_by_hand("web-1", deaf=True), patience=0)
    hv.submit(order)

    hv.poll(order, {})

    assert hv.poll(order, {}).done


def test_power_on_joins_a_start_that_is_under_way(dc: DataCentre, hv: Simulated) -> None:
    dc.set("duration.power_on", 60)
    order = PowerOn(dc.make_machine_by_hand("web-1", power="off", pool_ref=dc_pool(hv)))

    assert hv.submit(order) == hv.submit(order)


def dc_pool(hv: Simulated) -> str:
    return hv.inventory().pools[0].ref


def test_power_on_needs_memory_that_another_start_holds(dc: DataCentre, hv: Simulated) -> None:
    dc.set("duration.power_on", 60)
    refs = [
        dc.make_machine_by_hand(name, power="off", pool_ref=dc_pool(hv), memory_mib=40_000) for name in ("one", "two")
    ]
    hv.submit(PowerOn(refs[0]))

    with pytest.raises(NoCapacity):
        hv.submit(PowerOn(refs[1]))


def test_power_on_chooses_the_host_with_the_most_room(dc: DataCentre, hv: Simulated, drive: Drive) -> None:
    pool = dc_pool(hv)
    roomy = dc.add_host("esx-02", pool_ref=pool, memory_mib=131_072)
    ref = dc.make_machine_by_hand("web-1", power="off", pool_ref=pool)

    drive(PowerOn(ref))

    assert row(dc, ref)["host_ref"] == roomy


def test_failed_task_is_told_by_every_poll(dc: DataCentre, hv: Simulated) -> None:
    order = PowerOn(dc.make_machine_by_hand("web-1", power="off", pool_ref=dc_pool(hv)))
    dc.add_fault("power_on.task", "host_crashed", message="PSOD")
    handle = hv.submit(order)

    for _ in range(2):
        with pytest.raises(HypervisorError) as caught:
            hv.poll(order, handle)
        assert caught.value.native == "PSOD"


def test_forgotten_tasks_do_not_repeat_a_restart(dc: DataCentre, hv: Simulated) -> None:
    order = Restart(dc.make_machine_by_hand("web-1"))
    handle = hv.submit(order)
    dc.forget_tasks()

    assert hv.poll(order, handle).done
    assert len(dc.calls(changing=True)) == 1


@pytest.mark.parametrize("kind", [PowerOn, PowerOff, Shutdown, Restart])
def test_power_of_what_others_manage_is_refused(kind: Any, dc: DataCentre, hv: Simulated) -> None:
    ref = dc.make_machine_by_hand("vCLS-1", managed_by="vCLS")

    with pytest.raises(InvalidRequest):
        hv.submit(kind(ref))

    assert dc.calls(changing=True) == []


def test_power_of_what_is_gone_is_not_found(hv: Simulated) -> None:
    with pytest.raises(NotFound):
        hv.submit(PowerOn("vm-1"))


def test_annotate_keeps_the_fields_of_others(dc: DataCentre, drive: Drive) -> None:
    ref = dc.make_machine_by_hand("web-1", note="by hand")
    dc.change_by_hand(ref, fields='{"backup": "nightly"}')

    drive(Annotate(ref, HOLDING))

    assert (row(dc, ref)["fields"]["backup"], row(dc, ref)["note"]) == ("nightly", "by hand")


def test_annotate_without_stamp_keeps_the_stamp(dc: DataCentre, drive: Drive) -> None:
    ref = dc.make_machine_by_hand("web-1", stamp="op-7")

    drive(Annotate(ref, HOLDING))

    assert row(dc, ref)["stamp"] == "op-7"


def test_annotate_writes_nothing_when_all_is_there(dc: DataCentre, drive: Drive) -> None:
    ref = dc.make_machine_by_hand("web-1")
    stamp = Stamp("op-1", UUID(row(dc, ref)["uuid"]))
    drive(Annotate(ref, HOLDING, stamp))

    drive(Annotate(ref, HOLDING, stamp))

    assert len(dc.calls(changing=True)) == 1


def test_remove_of_a_machine_with_a_new_reference_is_not_taken_for_done(dc: DataCentre, hv: Simulated) -> None:
    ref = dc.make_machine_by_hand("web-1")
    uuid = UUID(row(dc, ref)["uuid"])
    dc.register_again(ref)

    with pytest.raises(WrongState):
        hv.submit(RemoveMachine(ref, uuid))


def test_remove_with_another_uuid_makes_no_changing_call(dc: DataCentre, hv: Simulated) -> None:
    ref = dc.make_machine_by_hand("web-1")

    with pytest.raises(InvalidRequest):
        hv.submit(RemoveMachine(ref, uuid4()))

    assert dc.calls(changing=True) == []


def test_remove_refuses_an_image(hv: Simulated) -> None:
    image = hv.machine(hv.inventory().images[0].ref)
    assert image.uuid is not None

    with pytest.raises(InvalidRequest):
        hv.submit(RemoveMachine(image.ref, image.uuid))


def test_remove_waits_for_the_work_under_way(dc: DataCentre, hv: Simulated) -> None:
    dc.set("duration.remove", 60)
    ref = dc.make_machine_by_hand("web-1", power="off")
    order = RemoveMachine(ref, UUID(row(dc, ref)["uuid"]))
    handle = hv.submit(order)

    assert not hv.poll(order, handle).done
    assert hv.submit(order) == handle
