"""The holding on the machine: what others wrote beside it stays, and rights that are missing do no harm."""

from __future__ import annotations

import pytest

from hypervisors.conformance.driving import HOLDING, drive
from hypervisors.contract import Annotate, Holding
from hypervisors.vmware.adapter import Vmware
from hypervisors.words import BEGIN, END
from tests.hypervisors.vmware.bench import VcenterBench
from tests.hypervisors.vmware.console import stored

pytestmark = pytest.mark.rig

PEOPLE = "Backup: nightly, ask Aylin <aylin@example.com>\n\nDo not move!"


def fields(bench: VcenterBench, ref: str) -> dict[str, str]:
    manager = bench.console.content.customFieldsManager
    names = {one.key: one.name for one in bench.console.told(manager, "field").get("field", ())}
    values = bench.console.told(bench.console.vm(ref), "customValue").get("customValue", ())
    return {names.get(one.key, ""): one.value for one in values}


def test_words_of_people_stay_around_ours(bench: VcenterBench, vmware: Vmware) -> None:
    ref = bench.make_by_hand("hand-noted", note=PEOPLE)
    drive(bench, vmware, Annotate(ref, HOLDING))
    vm = bench.console.vm(ref)
    bench.console.reconfigure(vm, annotation=f"{bench.note_of(ref)}\nMoved to rack 4.")

    drive(bench, vmware, Annotate(ref, Holding("Ben", "Another", "2030-01-01")))

    note = bench.note_of(ref)
    assert note.startswith(PEOPLE) and "Moved to rack 4." in note and "Lena Brandt" not in note
    assert note.count(BEGIN) == note.count(END) == 1
    assert vmware.machine(ref).note == f"{PEOPLE}\n\nMoved to rack 4."


def test_fields_of_others_keep_their_values(bench: VcenterBench, vmware: Vmware) -> None:
    ref = bench.make_by_hand("hand-fields")
    bench.label_by_hand(ref, "Cost centre", "4711")

    drive(bench, vmware, Annotate(ref, HOLDING))

    shown = fields(bench, ref)
    assert shown["Cost centre"] == "4711"
    assert (shown["Leasehold holder"], shown["Leasehold until"]) == (HOLDING.holder, HOLDING.ends_on)
    assert vmware.machine(ref).labels == {"Cost centre": "4711"}


def test_second_annotation_writes_nothing(bench: VcenterBench, vmware: Vmware) -> None:
    ref = bench.make_by_hand("hand-again")
    drive(bench, vmware, Annotate(ref, HOLDING))
    bench.relay.calls.clear()

    drive(bench, vmware, Annotate(ref, HOLDING))

    assert not {"ReconfigVM_Task", "SetField", "AddCustomFieldDef"} & set(bench.relay.calls)


@pytest.mark.parametrize("name", ["a/b", "50% off", "back\\slash", "<script>", "ümläut 🐘", "x" * 79])
def test_hostile_names_are_told_as_people_see_them(name: str, bench: VcenterBench, vmware: Vmware) -> None:
    ref = bench.make_by_hand("hand-plain")
    bench.console.finish(bench.console.vm(ref).Rename_Task(stored(name)))
    try:
        assert vmware.machine(ref).name == name
        assert name in {one.name for one in vmware.inventory().machines}
    finally:
        bench.rename_by_hand(ref, "hand-plain")
