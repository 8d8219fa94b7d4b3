"""Orders that write on a machine: name, size, holding and stamp."""

from __future__ import annotations

from hypervisors.checks import check_stamp
from hypervisors.contract import Annotate, Rename, Resize
from hypervisors.errors import InvalidRequest, WrongState
from hypervisors.words import check_name, with_holding
from hypervisors.xen import cloning, devices, estate, fitting, mapping, marks
from hypervisors.xen.work import DONE, Step, Work


def rename(work: Work, order: Rename) -> Step:
    check_name(order.name)
    ref, vm = estate.lookup(work.client, order.ref)
    estate.writable(vm)
    if vm["name_label"] != order.name:
        cloning.check_free(work.client, order.name)
        work.client.call("VM.set_name_label", ref, order.name)
    return DONE


def resize(work: Work, order: Resize) -> Step:
    if order.vcpus < 1 or order.memory_mib < 1:
        raise InvalidRequest("The machine needs vCPUs and memory.")
    ref, vm = estate.lookup(work.client, order.ref)
    estate.writable(vm)
    has = (mapping.number(vm["VCPUs_at_startup"]), mapping.mib(vm["memory_dynamic_max"]))
    if vm["power_state"] != "Halted":
        if has != (order.vcpus, order.memory_mib):
            raise WrongState("The machine must be off for this.")
        return DONE
    fitting.resize(work.client, ref, vm, order.vcpus, order.memory_mib)
    return DONE


def annotate(work: Work, order: Annotate) -> Step:
    """In the description, where XAPI's other tools show it, and in keys of our own."""
    client = work.client
    ref, vm = estate.lookup(client, order.ref)
    wanted = marks.holding(order.holding)
    if order.stamp is not None:
        check_stamp(order.stamp)
        if order.stamp.uuid != marks.uuid_of(vm):
            raise InvalidRequest("The stamp has another machine's UUID; nothing was written.")
        wanted |= marks.stamp(order.stamp, str(vm["uuid"]))
    note = with_holding(str(vm["name_description"]), order.holding)
    if vm["name_description"] != note:
        client.call("VM.set_name_description", ref, note)
    devices.write(client, "VM", ref, vm, wanted)
    return DONE
