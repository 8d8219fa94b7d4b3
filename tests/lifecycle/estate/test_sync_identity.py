"""The table of identity: what people do on a hypervisor, and which row a machine has afterwards."""

from uuid import uuid4

import pytest

from lifecycle.estate.models import Machine, Stage
from lifecycle.estate.sync import sync
from tests.lifecycle.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("either_way")]


def _nothing(centre, ref):
    pass


def _renamed(centre, ref):
    centre.change_by_hand(ref, name="other")


def _registered_again(centre, ref):
    centre.register_again(ref)


def _renamed_and_registered_again(centre, ref):
    centre.change_by_hand(ref, name="other")
    centre.register_again(ref)


def _migrated(centre, ref):
    """To another pool, host and datastore that were there before."""
    places = {each: centre._rows(f"SELECT ref FROM {each} ORDER BY ref DESC")[0]["ref"] for each in ("pools", "hosts")}  # noqa: S608
    centre.change_by_hand(ref, pool_ref=places["pools"], host_ref=places["hosts"])
    with centre.storage.write() as db:
        db.execute("UPDATE disks SET datastore_ref = (SELECT MAX(ref) FROM datastores) WHERE machine_ref = ?", (ref,))


def _filed_elsewhere(centre, ref):
    centre.change_by_hand(ref, folder="archive/2019")


def _swapped_with_another(centre, ref):
    """References are dealt out afresh, as after a restore of the hypervisor's own database."""
    with centre.storage.write() as db:
        db.execute("UPDATE machines SET ref = 'vm-0' WHERE ref = ?", (ref,))
        db.execute("UPDATE machines SET ref = ? WHERE name = 'neighbour'", (ref,))
        db.execute("UPDATE machines SET ref = 'vm-1' WHERE ref = 'vm-0'")


def _copied_with_its_uuid(centre, ref):
    centre.clone_by_hand(ref, "copy", same_uuid=True)


def _copied_and_registered_again(centre, ref):
    """Now two machines are new by reference, and only one of them is the old one: at first sight nobody can tell."""
    centre.clone_by_hand(ref, "copy", same_uuid=False)
    centre.register_again(ref)


KEPT = {
    "nothing": (_nothing, 0),
    "renamed": (_renamed, 0),
    "registered again": (_registered_again, 0),
    "renamed and registered again": (_renamed_and_registered_again, 0),
    "migrated": (_migrated, 0),
    "filed elsewhere": (_filed_elsewhere, 0),
    "references dealt out afresh": (_swapped_with_another, 0),
    "copied with its UUID": (_copied_with_its_uuid, 1),
    "copied, then registered again": (_copied_and_registered_again, 1),
}


@pytest.fixture
def held(centre, endpoint):
    centre.add_host("second", pool_ref=centre.add_pool("annex"))
    centre.add_datastore("zeta", capacity_mib=1_000_000)
    centre.make_machine_by_hand("neighbour")
    ref = centre.make_machine_by_hand("web")
    sync(endpoint)
    Machine.objects.filter(native_ref=ref).update(stage=Stage.ACTIVE, holder=make_user(), purpose="shop")
    return Machine.objects.get(native_ref=ref)


@pytest.mark.parametrize(("act", "more"), KEPT.values(), ids=KEPT)
def test_machine_keeps_its_row(centre, endpoint, held, act, more):
    act(centre, held.native_ref)
    for _ in range(3):
        sync(endpoint)
    after = Machine.objects.get(pk=held.pk)
    assert (after.uuid, after.stage, after.holder, after.purpose) == (held.uuid, Stage.ACTIVE, held.holder, "shop")
    assert (after.missing_since, after.scans_missed) == (None, 0)
    native = {row["ref"]: row for row in centre.machines()}[after.native_ref]
    assert (native["uuid"], native["name"], native["folder"]) == (str(held.uuid), after.name, after.folder)
    assert Machine.objects.count() == 2 + more


def test_migrated_machine_points_at_its_new_places(centre, endpoint, held):
    _migrated(centre, held.native_ref)
    sync(endpoint)
    held.refresh_from_db()
    assert (held.pool.name, held.host.name, held.disks.get().datastore.name) == ("annex", "second", "zeta")


def test_restored_machine_has_its_row_back(centre, endpoint, held, settings):
    """Gone for good, as we believed; then somebody restored it from a backup under a new reference."""
    settings.MISSING_AFTER_SCANS = 2
    facts = {"uuid": str(held.uuid), "vcpus": 2}
    centre.delete_by_hand(held.native_ref)
    for _ in range(3):
        sync(endpoint)
    ref = centre.make_machine_by_hand("web", **facts)
    assert sync(endpoint).returned == 1
    after = Machine.objects.get(pk=held.pk)
    assert (after.native_ref, after.holder, after.missing_since, after.missing_reason) == (ref, held.holder, None, "")


def test_machine_that_was_removed_and_made_anew_is_another(centre, endpoint, held):
    """The same name says nothing."""
    centre.delete_by_hand(held.native_ref)
    centre.make_machine_by_hand("web", uuid=str(uuid4()))
    sync(endpoint)
    assert Machine.objects.filter(name="web").count() == 2
    assert Machine.objects.get(pk=held.pk).scans_missed == 1


def test_copy_goes_its_own_way_when_the_original_is_removed(centre, endpoint, held):
    """Both were seen: the copy never takes over holder and lease."""
    copy = centre.clone_by_hand(held.native_ref, "copy", same_uuid=True)
    sync(endpoint)
    centre.delete_by_hand(held.native_ref)
    for _ in range(4):
        sync(endpoint)
    after = Machine.objects.get(pk=held.pk)
    assert (after.native_ref, after.scans_missed) == (held.native_ref, 4)
    assert Machine.objects.get(native_ref=copy).stage == Stage.DISCOVERED
