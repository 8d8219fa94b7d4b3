"""Where the hypervisor says something else than the register."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models.machines import Machine


class Drift(models.Model):
    """One column of a held machine that somebody changed behind the portal's back. Open until accepted or put back."""

    class Column(models.TextChoices):
        NAME = "name", _("name")
        VCPUS = "vcpus", _("vCPU")
        MEMORY = "memory_mib", _("memory")
        DISK = "disk_mib", _("disk")

    class End(models.TextChoices):
        ACCEPTED = "accepted", _("accepted")
        PUT_BACK = "put_back", _("put back")
        BY_ITSELF = "by_itself", _("as it was again")

    machine = models.ForeignKey(Machine, models.CASCADE, related_name="drifts")
    column = models.CharField(max_length=20, choices=Column.choices)
    ours = models.CharField(max_length=255)
    theirs = models.CharField(max_length=255)
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    end = models.CharField(max_length=12, blank=True, choices=End.choices)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-since", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["machine", "column"], condition=Q(ended_at__isnull=True), name="one_open_drift_per_column"
            )
        ]

    def __str__(self) -> str:
        return f"{self.machine_id} {self.column}: {self.ours} / {self.theirs}"
