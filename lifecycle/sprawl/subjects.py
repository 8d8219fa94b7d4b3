"""What findings are about: how much there is of each, and which machines may be flagged at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q

from lifecycle.estate.models import DiskFile, Image, Machine, Power, Stage
from lifecycle.estate.models.machines import MachineQuerySet
from lifecycle.sprawl.models import Kind
from lifecycle.sprawl.pricing import Quantities

FLAGGED = (Stage.DISCOVERED, Stage.ACTIVE, Stage.EXPIRED, Stage.QUARANTINED)
"""Not those being built or removed: they are the engine's."""
MANAGED = ~Q(managed_by="") | ~Q(managed_rule="")
"""Others manage them: a class of their own, listed and counted, and never flagged."""


@dataclass(frozen=True, slots=True)
class Subject:
    """`uses` is what it takes at this moment, and costs: a machine that is off has its disks only."""

    uses: Quantities
    pool: int | None = None

    def can_give(self, wanted: Quantities) -> Quantities:
        return Quantities(
            vcpus=min(wanted.vcpus, self.uses.vcpus),
            memory_mib=min(wanted.memory_mib, self.uses.memory_mib),
            disk_mib=min(wanted.disk_mib, self.uses.disk_mib),
        )


def flagged_machines() -> MachineQuerySet:
    """Those that findings can be about: here, and managed by nobody else."""
    return Machine.objects.filter(stage__in=FLAGGED, managed_by="", managed_rule="").order_by()


def present_machines() -> MachineQuerySet:
    """Those of them that are there: one look that missed a machine proves nothing yet."""
    return flagged_machines().filter(scans_missed__lt=settings.MISSING_AFTER_SCANS)


def column_of(kind: str) -> str:
    """The column of a finding that its subject stands in."""
    return {str(Kind.DISK_FILE): "disk_file", str(Kind.IMAGE): "image"}.get(kind, "machine")


def subjects(kind: str, ids: Iterable[int]) -> dict[int, Subject]:
    """Id -> what it uses, of those that may be flagged. One query."""
    if kind == Kind.DISK_FILE:
        return _sizes(DiskFile.objects.filter(pk__in=ids).order_by().values_list("pk", "size_mib"))
    if kind == Kind.IMAGE:
        return _sizes(Image.objects.filter(pk__in=ids).order_by().values_list("pk", "disk_mib"))
    rows = flagged_machines().filter(pk__in=ids)
    columns = rows.values_list("pk", "pool", "power", "scans_missed", "vcpus", "memory_mib", "disk_mib")
    return {
        pk: Subject(_uses(power, missed, Quantities(vcpus, memory_mib, disk_mib)), pool)
        for pk, pool, power, missed, vcpus, memory_mib, disk_mib in columns
    }


def _sizes(rows: Iterable[tuple[int, int]]) -> dict[int, Subject]:
    return {pk: Subject(Quantities(disk_mib=size)) for pk, size in rows}


def _uses(power: str, missed: int, size: Quantities) -> Quantities:
    if missed >= settings.MISSING_AFTER_SCANS:
        return Quantities()  # it is not there any more
    return size if power == Power.ON else Quantities(disk_mib=size.disk_mib)
