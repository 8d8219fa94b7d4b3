"""Promises about NICs, and about names."""

from __future__ import annotations

from hypervisors.conformance.bench import Bench
from hypervisors.conformance.driving import created, drive, new_name, new_order, twice
from hypervisors.conformance.promises import claim, promise, refused
from hypervisors.contract import AddNic, Hypervisor, PowerOff, RemoveNic, Rename, mac_of
from hypervisors.errors import InvalidRequest, NameTaken, NotFound, WrongState


def with_nic(bench: Bench, hv: Hypervisor, *, on: bool = False) -> tuple[str, str, str]:
    """References of a machine and of the NIC that was added to it, and the NIC's key."""
    key = new_name()  # no two machines of a network have the same address
    ref = bench.make_by_hand(new_name(), on=on)
    return ref, drive(bench, hv, AddNic(ref, key, bench.network_ref)).ref, key


@promise(150, "nics")
def a_nic_is_added(bench: Bench) -> None:
    """A stopped machine has one more NIC, in this network, with the address that follows from the key."""
    hv = bench.connect()
    ref, nic, key = with_nic(bench, hv)
    told = {seen.ref: (seen.mac, seen.network_ref) for seen in hv.machine(ref).nics}
    claim(mac_of(key) in bench.hardware(ref).macs, f"{bench.hardware(ref)}")
    claim(told.get(nic) == (mac_of(key), bench.network_ref), f"{nic!r} is not among {told}")


@promise(151, "nics")
def a_nic_is_added_once(bench: Bench) -> None:
    """The same key again adds none, and names the NIC that is there."""
    ref = bench.make_by_hand(new_name())
    before = len(bench.connect().machine(ref).nics)
    twice(bench, bench.connect(), AddNic(ref, new_name(), bench.network_ref))
    claim(len(bench.connect().machine(ref).nics) == before + 1, "There are two, or none.")


@promise(152, "nics")
def a_nic_is_added_to_a_running_machine(bench: Bench) -> None:
    """It runs on, and has the NIC, also after it was stopped; or the order is WrongState and it has none."""
    hv, ref, key = bench.connect(), bench.make_by_hand(new_name(), on=True), new_name()
    try:
        drive(bench, hv, AddNic(ref, key, bench.network_ref))
    except WrongState:
        claim(mac_of(key) not in bench.hardware(ref).macs, "It was refused, and done.")
        return
    claim(bench.hardware(ref).power == "on" and mac_of(key) in bench.hardware(ref).macs, f"{bench.hardware(ref)}")
    drive(bench, hv, PowerOff(ref))
    claim(mac_of(key) in bench.hardware(ref).macs, "It went away with the power.")


@promise(153, "nics")
def a_nic_in_an_unknown_network_is_refused(bench: Bench) -> None:
    """A network that is not there is named as such, and there is no NIC more."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    before = bench.hardware(ref)
    refused(lambda: drive(bench, hv, AddNic(ref, new_name(), "conf-nowhere")), NotFound, InvalidRequest)
    claim(bench.hardware(ref) == before, f"{bench.hardware(ref)}")


@promise(154, "nics")
def a_removed_nic_is_gone(bench: Bench) -> None:
    """The machine has no such NIC any more, and keeps the others; removing it again is done at once."""
    hv = bench.connect()
    ref, nic, key = with_nic(bench, hv)
    other = new_name()
    drive(bench, hv, AddNic(ref, other, bench.network_ref))
    twice(bench, hv, RemoveNic(ref, nic))
    left = bench.hardware(ref).macs
    claim(mac_of(key) not in left and mac_of(other) in left, f"{left}")


@promise(155, "nics")
def only_its_own_nics_are_removed(bench: Bench) -> None:
    """A NIC of another machine is none of its own: that counts as gone, and the other machine keeps it."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    other, nic, key = with_nic(bench, hv)
    drive(bench, hv, RemoveNic(ref, nic))
    claim(mac_of(key) in bench.hardware(other).macs, "Another machine has lost its NIC.")


@promise(156, "nics")
def nics_are_told_as_the_hypervisor_shows_them(bench: Bench) -> None:
    """Every NIC is told once, with its address in small letters and a network that the scan lists."""
    hv = bench.connect()
    ref, _nic, _key = with_nic(bench, hv)
    drive(bench, hv, AddNic(ref, new_name(), bench.network_ref))
    told, networks = hv.machine(ref).nics, {network.ref for network in hv.inventory().networks}
    claim({nic.mac for nic in told} == bench.hardware(ref).macs and len({nic.ref for nic in told}) == 2, f"{told}")
    claim({nic.network_ref for nic in told} <= networks, f"{told} not in {networks}")


@promise(157)
def a_new_machine_is_in_the_network_that_was_asked_for(bench: Bench) -> None:
    """Its first NIC is in the order's network."""
    hv = bench.connect()
    nics = hv.machine(created(bench, hv, new_order(bench, network_ref=bench.network_ref))).nics
    claim(bool(nics) and nics[0].network_ref == bench.network_ref, f"{nics}")


@promise(158)
def an_unknown_network_is_refused(bench: Bench) -> None:
    """A new machine in a network that is not there is refused as such."""
    hv, order = bench.connect(), new_order(bench, network_ref="conf-nowhere")
    refused(lambda: drive(bench, hv, order), NotFound, InvalidRequest)


@promise(159)
def no_two_machines_share_an_address(bench: Bench) -> None:
    """Two new machines from one image have different MAC addresses."""
    hv = bench.connect()
    one, other = (
        {nic.mac for nic in hv.machine(created(bench, hv, new_order(bench, network_ref=bench.network_ref))).nics}
        for _ in range(2)
    )
    claim(bool(one) and not one & other, f"{one} and {other}")


@promise(190, "rename")
def rename_renames(bench: Bench) -> None:
    """A stopped machine has its new name and is the same one; the second time changes nothing."""
    hv, ref, name = bench.connect(), bench.make_by_hand(new_name()), new_name()
    before = bench.machines()[ref]
    twice(bench, hv, Rename(ref, name))
    claim(bench.machines()[ref] == before._replace(name=name), f"{bench.machines()[ref]}")
    claim(hv.machine(ref).name == name, hv.machine(ref).name)


@promise(191, "rename")
def a_running_machine_is_renamed_or_refused(bench: Bench) -> None:
    """A running machine has its new name, or the order is WrongState and it has the old one; it runs on."""
    hv, ref, name = bench.connect(), bench.make_by_hand(new_name(), on=True), new_name()
    before = bench.machines()[ref]
    try:
        drive(bench, hv, Rename(ref, name))
    except WrongState:
        name = before.name
    claim(bench.machines()[ref] == before._replace(name=name), f"{bench.machines()[ref]}")


@promise(192, "rename")
def a_taken_name_is_given_to_nobody_or_to_both(bench: Bench) -> None:
    """Another machine's name is NameTaken, or where names may be double, both have it; neither is lost."""
    hv, ref, other = bench.connect(), bench.make_by_hand(new_name()), bench.make_by_hand(new_name())
    before, taken = bench.machines()[ref], bench.machines()[other]
    try:
        drive(bench, hv, Rename(ref, taken.name))
    except NameTaken:
        claim(bench.machines()[ref] == before, f"{bench.machines()[ref]}")
    else:
        claim(bench.machines()[ref] == before._replace(name=taken.name), f"{bench.machines()[ref]}")
    claim(bench.machines()[other] == taken, f"{bench.machines()[other]}")


@promise(193, "rename")
def a_malformed_new_name_is_refused(bench: Bench) -> None:
    """A name that no hypervisor can carry is InvalidRequest, and the machine keeps its own."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    before = bench.machines()[ref]
    for name in ("", " ", "conf/../name", "conf\x00name", "x" * 300):
        refused(lambda name=name: drive(bench, hv, Rename(ref, name)), InvalidRequest)  # type: ignore[misc]
    claim(bench.machines()[ref] == before, f"{bench.machines()[ref]}")


@promise(194, "rename")
def a_renamed_machine_keeps_its_stamp(bench: Bench) -> None:
    """It is found by its stamp, keeps its disks, and can be removed."""
    hv, order = bench.connect(), new_order(bench)
    ref = created(bench, hv, order)
    drive(bench, hv, PowerOff(ref))
    before = bench.disks()
    drive(bench, hv, Rename(ref, new_name()))
    claim([seen.ref for seen in hv.find(order.stamp)] == [ref], "It is not found.")
    claim(len(bench.disks()) == len(before), f"{bench.disks()}")
