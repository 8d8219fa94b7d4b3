"""The disks of a chunk of machines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from lifecycle.estate.models import Disk, Machine
from lifecycle.estate.sync.parts import Parts
from lifecycle.estate.sync.reading import Seen


def write_disks(pairs: Sequence[tuple[Machine, Seen]], parts: Parts) -> None:
    """One query when nothing changed."""
    there: defaultdict[int, dict[str, Disk]] = defaultdict(dict)
    for disk in Disk.objects.filter(machine__in=[row.pk for row, _seen in pairs]).order_by():
        there[disk.machine_id][disk.ref] = disk
    changed, gone = [], []
    for row, seen in pairs:
        known = there[row.pk]
        gone += [disk.pk for ref, disk in known.items() if ref not in seen.disks]
        wanted = [
            Disk(
                machine=row, ref=ref, name=disk.name, size_mib=disk.size_mib,
                datastore_id=parts.datastores.get(disk.datastore_ref),
            )
            for ref, disk in seen.disks.items()
        ]  # fmt: skip
        changed += [disk for disk in wanted if disk.ref not in known or _facts(known[disk.ref]) != _facts(disk)]
    if gone:
        Disk.objects.filter(pk__in=gone).delete()
    if changed:
        Disk.objects.bulk_create(
            changed,
            update_conflicts=True,
            unique_fields=["machine", "ref"],
            update_fields=["name", "size_mib", "datastore"],
        )


def _facts(disk: Disk) -> tuple[str, int, int | None]:
    return disk.name, disk.size_mib, disk.datastore_id
