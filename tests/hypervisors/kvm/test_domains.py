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


RUNNING = """<domain type='kvm' id='7'>
  <name>web</name><uuid>11111111-2222-4333-8444-555555555555</uuid>
  <metadata>
    <x:os xmlns:x='urn:x'/>
    <os xmlns='urn:x'><devices><disk device='disk'><source file='/etc/shadow'/></disk></devices></os>
  </metadata>
  <memory unit='KiB'>2097152</memory><vcpu current='2'>4</vcpu>
  <os firmware='efi'><type>hvm</type></os>
  <devices>
    <disk type='file' device='disk'><source file='/m/a.qcow2' index='2'/>
      <backingStore type='file'><source file='/i/b.qcow2'/><backingStore/></backingStore>
      <target dev='vda' bus='virtio'/><alias name='virtio-disk0'/></disk>
    <disk type='file' device='cdrom'><source file='/m/s.iso'/><target dev='sda' bus='scsi'/><readonly/></disk>
    <controller type='scsi'/>
    <interface type='bridge'><mac address='52:54:00:AA:bb:01'/><source bridge='br0'/><link state='down'/></interface>
    <interface type='network'><mac address='52:54:00:aa:bb:02'/><source network='lab'/><alias name='net1'/></interface>
  </devices>
</domain>"""


def test_short_way_of_reading_tells_the_same_as_the_long_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever people have put into the metadata."""
    short = domains.read(RUNNING)
    assert len(domains.essence(RUNNING)) < len(RUNNING)
    monkeypatch.setattr(domains, "essence", lambda xml: xml)

    assert domains.read(RUNNING) == short


def test_devices_are_told() -> None:
    found = domains.read(RUNNING)

    assert [(disk.source, disk.chain, disk.alias) for disk in found.disks] == [
        ("/m/a.qcow2", ("/i/b.qcow2",), "virtio-disk0")
    ]
    assert [medium.source for medium in found.media] == ["/m/s.iso"]
    assert [(nic.mac, nic.network, nic.connected) for nic in found.nics] == [
        ("52:54:00:aa:bb:01", "", False),
        ("52:54:00:aa:bb:02", "lab", True),
    ]
    assert (found.vcpus, found.memory_mib) == (2, 2048)


def test_key_of_an_added_disk_is_read_from_its_file() -> None:
    name = definitions.added_disk_name(UUID_1, "data-2")

    assert domains.Disk(f"/m/{name}", "vdb", path=f"/m/{name}").key == "data-2"
    assert definitions.is_added_to(UUID_1, name)
    assert not definitions.is_added_to(UUID(int=7), name)
    assert domains.Disk("/m/a.qcow2", "vdb", path="/m/a.qcow2").key == ""


def test_seed_is_on_a_drive_that_a_machine_can_do_without() -> None:
    xml = definitions.machine_xml(ORDER, disk="/m/a.qcow2", platform=EMU, created=MOMENT, seed="/m/lh-op-1-seed.iso")

    assert [medium.source for medium in domains.read(xml).media] == ["/m/lh-op-1-seed.iso"]
    assert 'startupPolicy="optional"' in xml
