"""A disk file left behind on a data centre whose looks and scans are all good: what tests of files begin with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from lifecycle import clock
from lifecycle.estate.files import look_at_files
from lifecycle.estate.models import Datastore, DiskFile, Endpoint
from lifecycle.estate.sync import sync
from lifecycle.sprawl.models import Threshold
from tests.lifecycle.factories import make_endpoint
from tests.lifecycle.world import World

GIB = 1024
PATH = "old/left.vmdk"


def set_limits(**limits: int) -> None:
    for name, value in limits.items():
        Threshold.objects.update_or_create(pool=None, name=name, defaults={"value": value})


def leave(world: World, path: str = PATH, *, days: int = 8) -> DiskFile:
    """A file that nobody uses, found by three looks over so many days."""
    store = Datastore.objects.get(endpoint=world.endpoint)
    world.dc.add_loose_disk(path, size_mib=40 * GIB, datastore_ref=store.ref)
    look_at_files(world.endpoint)
    clock.move_to(clock.now() + timedelta(days=days))
    sync(world.endpoint)
    look_at_files(world.endpoint)
    look_at_files(world.endpoint)
    return DiskFile.objects.select_related("datastore__endpoint").get(datastore=store, name=path)


def other_view(file: DiskFile, **changes: Any) -> DiskFile:
    """The same file as another endpoint sees it that mounts its storage, all of it in order."""
    now = timezone.now()
    Datastore.objects.filter(pk=file.datastore_id).update(identity="lun-7")
    other = make_endpoint("Luebeck", mode=Endpoint.Mode.MANAGE)
    Endpoint.objects.filter(pk=other.pk).update(scanned_at=now, files_at=now)
    store = Datastore.objects.create(endpoint=other, ref="ds-9", name="lun", identity="lun-7", files_at=now)
    fields = {"name": file.name, "size_mib": file.size_mib, "looks": 3, "unused_since": file.unused_since}
    return DiskFile.objects.create(datastore=store, ref="there", seen_at=clock.now(), leads=False, **(fields | changes))
