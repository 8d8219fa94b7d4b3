"""Power, patience, and words on machines."""

from __future__ import annotations

import time
from dataclasses import replace
from uuid import uuid4

import pytest

from hypervisors.contract import Annotate, Power, PowerOff, PowerOn, Restart, Shutdown, Stamp
from hypervisors.errors import InvalidRequest, NotFound, WrongState
from hypervisors.kvm.adapter import Kvm
from tests.hypervisors.kvm.conftest import HOLDING, Desk
from tests.rigs.libvirt import LibvirtRig

pytestmark = pytest.mark.rig

NOBODY = "99999999-aaaa-4bbb-8ccc-dddddddddddd"


def test_power_goes_off_and_on_again(kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)

    states = []
    for order in (PowerOff(ref), PowerOff(ref), PowerOn(ref), PowerOn(ref)):
        assert desk.carry_out(kvm, order).done
        states.append(kvm.machine(ref).power)

    assert states == [Power.OFF, Power.OFF, Power.ON, Power.ON]


def test_power_on_lets_a_paused_machine_go_on(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)
    rig.virsh("suspend", ref)
    assert kvm.machine(ref).power is Power.SUSPENDED

    desk.carry_out(kvm, PowerOn(ref))

    assert kvm.machine(ref).power is Power.ON


def test_shutdown_asks_the_guest(kvm: Kvm, desk: Desk) -> None:
    order = Shutdown(desk.make(kvm, image="polite"), patience=600)
    time.sleep(0.5)  # until it listens

    assert desk.carry_out(kvm, order).done

    assert kvm.machine(order.ref).power is Power.OFF
    assert desk.carry_out(kvm, order).done


def test_shutdown_pulls_the_plug_when_patience_is_over(kvm: Kvm, desk: Desk) -> None:
    order = Shutdown(desk.make(kvm), patience=2)

    handle = kvm.submit(order)
    assert not kvm.poll(order, handle).done
    assert kvm.machine(order.ref).power is Power.ON
    desk.see_through(lambda: kvm.poll(order, handle))

    assert kvm.machine(order.ref).power is Power.OFF


def test_restart_keeps_the_machine_running(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)

    assert desk.carry_out(kvm, Restart(ref)).done

    assert kvm.machine(ref).power is Power.ON
    rig.virsh("destroy", ref)
    with pytest.raises(WrongState):
        kvm.submit(Restart(ref))


@pytest.mark.parametrize("order", [PowerOff(NOBODY), Shutdown(NOBODY)])
def test_what_is_gone_meanwhile_is_off(order: PowerOff | Shutdown, kvm: Kvm) -> None:
    """Transient machines are gone once they stop."""
    with pytest.raises(NotFound):
        kvm.submit(order)

    assert kvm.poll(order, {}).done


@pytest.mark.parametrize("ref", [NOBODY, "no-uuid", "../x"])
def test_what_is_gone_cannot_be_started(ref: str, kvm: Kvm) -> None:
    with pytest.raises(NotFound):
        kvm.submit(PowerOn(ref))


def test_annotate_renews_what_is_ours(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)

    desk.carry_out(kvm, Annotate(ref, replace(HOLDING, holder="Bob Next", ends_on="2027-01-31")))

    for flag in ("--live", "--config"):
        assert rig.virsh("desc", ref, flag, "--title").stdout.strip() == "Bob Next · until 2027-01-31"
        told = rig.virsh("desc", ref, flag).stdout
        assert "Holder: Bob Next" in told
        assert "Ann" not in told
    assert kvm.machine(ref).stamp_operation != ""


def test_annotate_keeps_what_others_wrote(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)
    rig.virsh("desc", ref, "--live", "--config", "Ask Carol first.\nRack 7 <b>&")
    rig.virsh("desc", ref, "--live", "--config", "--title", "Carol's index")
    rig.virsh("metadata", ref, "urn:other", "--key", "o", "--set", "<mark by='other'/>", "--live", "--config")

    for _ in range(2):
        desk.carry_out(kvm, Annotate(ref, replace(HOLDING, ends_on="2027-01-31")))

    assert rig.virsh("desc", ref, "--title").stdout.strip() == "Carol's index"
    told = rig.virsh("desc", ref).stdout
    assert told.startswith("Ask Carol first.\nRack 7 <b>&\n\n[Leasehold")
    assert told.count("Until: 2027-01-31") == 1
    assert "mark by" in rig.virsh("metadata", ref, "urn:other").stdout
    assert kvm.machine(ref).note == "Carol's index\nAsk Carol first.\nRack 7 <b>&"


def test_annotate_stamps_a_machine_that_we_did_not_make(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)
    order = Annotate(ref, HOLDING, Stamp("adopted", uuid4()))

    with pytest.raises(InvalidRequest):
        kvm.submit(order)
    desk.carry_out(kvm, replace(order, stamp=Stamp("adopted", kvm.machine(ref).uuid or uuid4())))

    assert kvm.machine(ref).stamp_operation == "adopted"
