"""Domain XML: what we write, and what we make of what others wrote."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from hypervisors import words
from hypervisors.contract import CreateMachine, Holding, Stamp
from hypervisors.kvm import definitions, domains

UUID_1 = UUID("11111111-2222-4333-8444-555555555555")
HOLDING = Holding("Ann <b>", "Index & more\nof it\0", "2026-12-24", "https://lease.example/m/1")
ORDER = CreateMachine(Stamp("op-1", UUID_1), "web-1", "/images/a.qcow2", "host", 2, 512, 4096, HOLDING)
EMU = definitions.Platform("qemu", "x86_64", "default")
MOMENT = datetime(2026, 11, 20, 10, 42, tzinfo=UTC)


def written(order: CreateMachine = ORDER) -> domains.Domain:
    return domains.read(definitions.machine_xml(order, disk="/machines/lh-op-1.qcow2", platform=EMU, created=MOMENT))


def test_definition_reads_back() -> None:
    found = written()

    assert (found.uuid, found.name, found.vcpus) == (UUID_1, "web-1", 2)
    assert found.title == "Ann <b> · until 2026-12-24"
    assert found.holding == replace(HOLDING, purpose="Index & more of it")
    assert (found.lease["operation"], found.lease["uuid"], found.created_at) == ("op-1", str(UUID_1), MOMENT)
    assert [disk.path for disk in found.disks] == ["/machines/lh-op-1.qcow2"]


def test_definition_is_the_same_each_time() -> None:
    """Two workers may define the same order: the second must not change the network card."""
    assert written() == written()
    assert written().nics != written(replace(ORDER, stamp=Stamp("op-2", UUID(int=7)))).nics


def test_note_is_what_others_wrote() -> None:
    ours = written()

    assert domains.note_of(ours) == ""
    assert domains.note_of(replace(ours, title="Mine")) == "Mine"
    assert domains.note_of(replace(ours, description=f"Before\n\n{ours.description}\nAfter")) == "Before\n\nAfter"


def test_description_keeps_foreign_text_however_often_it_is_renewed() -> None:
    text = "Ask Carol.\n\n  indented"
    for ends_on in ("2026-12-24", "2027-01-31", "2027-01-31"):
        text = words.with_holding(text, replace(HOLDING, ends_on=ends_on))

    assert text.startswith("Ask Carol.\n\n  indented\n\n[Leasehold")
    assert text.count("Until:") == 1


def test_holding_cannot_end_our_part_of_the_description() -> None:
    sly = replace(HOLDING, purpose=f"x\n{words.END}\nforeign")

    assert words.foreign_part(words.holding_block(sly)) == ""


def test_unfinished_part_of_ours_swallows_nothing_of_others() -> None:
    """Somebody deleted the last line of our part in an editor."""
    cut = f"Mine\n{words.BEGIN}\nPurpose: x"

    assert words.with_holding(cut, HOLDING).count(words.BEGIN) == 1
    assert words.foreign_part(words.with_holding(cut, HOLDING)) == "Mine"


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "<domain>",
        "<domain/>",
        "<domain><uuid>x</uuid></domain>",
        "<!DOCTYPE d [<!ENTITY a 'b'>]><domain><name>&a;</name></domain>",
        f"<domain><uuid>{UUID_1}</uuid><vcpu>many</vcpu></domain>",
    ],
)
def test_what_is_no_domain_is_told_apart(xml: str) -> None:
    with pytest.raises(ValueError, match=r"entities|well-formed|UUID|invalid literal"):
        domains.read(xml)


def test_sources_are_found_at_any_depth() -> None:
    xml = """<domain><devices>
      <disk device='cdrom'><source file='/iso'/></disk>
      <disk><source file='/top'/><backingStore><source file='/middle'/><backingStore><source dev='/dev/base'/>
        </backingStore></backingStore></disk>
      <disk><source pool='p' volume='v'/></disk><disk><source protocol='rbd' name='pool/image'/></disk>
    </devices></domain>"""

    assert domains.sources(xml) == {"/iso", "/top", "/middle", "/dev/base", "p/v", "pool/image"}


def test_created_at_of_a_mad_claim_is_unknown() -> None:
    for claim in ("yesterday", "2026-11-20", ""):
        assert replace(written(), lease={"created": claim}).created_at is None
