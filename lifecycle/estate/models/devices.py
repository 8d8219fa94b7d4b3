"""What machines consist of, as the last look saw it: disks, NICs, snapshots."""

from __future__ import annotations

from django.db import models

from lifecycle.estate.models.endpoints import Datastore, Network
from lifecycle.estate.models.machines import Machine


class Disk(models.Model):
    """A machine's own disk, as the last scan saw it."""

    machine = models.ForeignKey(Machine, models.CASCADE, related_name="disks")
    ref = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    size_mib = models.PositiveBigIntegerField()
    datastore = models.ForeignKey(Datastore, models.SET_NULL, null=True, related_name="disks")

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["machine", "ref"], name="disk_once_per_machine")]

    def __str__(self) -> str:
        return self.name


class Nic(models.Model):
    machine = models.ForeignKey(Machine, models.CASCADE, related_name="nics")
    ref = models.CharField(max_length=255)
    mac = models.CharField(max_length=40, blank=True)
    """Lower case, with colons."""
    network = models.ForeignKey(Network, models.SET_NULL, null=True, related_name="nics")
    connected = models.BooleanField(default=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["machine", "ref"], name="nic_once_per_machine")]
        indexes = [
            # Two machines with one address.
            models.Index(fields=["mac"], name="nic_by_mac")
        ]

    def __str__(self) -> str:
        return self.mac


class Snapshot(models.Model):
    machine = models.ForeignKey(Machine, models.CASCADE, related_name="snapshots")
    ref = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    created_at = models.DateTimeField(null=True, blank=True)
    first_seen_at = models.DateTimeField()
    """Its age is counted from here where the hypervisor does not tell."""
    parent_ref = models.CharField(max_length=255, blank=True)
    with_memory = models.BooleanField(default=False)

    class Meta:
        ordering = ["first_seen_at", "id"]
        constraints = [models.UniqueConstraint(fields=["machine", "ref"], name="snapshot_once_per_machine")]

    def __str__(self) -> str:
        return self.name
