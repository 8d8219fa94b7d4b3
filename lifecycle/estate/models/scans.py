"""Looks at endpoints, one row each, written while they go on."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models.endpoints import Endpoint


class Scan(models.Model):
    """Moments are real time: whether scans follow each other has nothing to do with the shifted clock."""

    class Mode(models.TextChoices):
        FULL = "full", _("everything")
        CHANGES = "changes", _("what changed")

    class State(models.TextChoices):
        RUNNING = "running", _("under way")
        COMPLETE = "complete", _("complete")
        PARTIAL = "partial", _("partial")
        FAILED = "failed", _("failed")
        STOPPED = "stopped", _("stopped")

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="looks")
    mode = models.CharField(max_length=10, choices=Mode.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    began_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    """When whoever runs it last wrote: one that is silent for long has died."""
    ended_at = models.DateTimeField(null=True, blank=True)
    total = models.PositiveIntegerField(null=True, blank=True)
    """Machines to write; None while the hypervisor is asked."""
    written = models.PositiveIntegerField(default=0)
    found = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    missed = models.PositiveIntegerField(default=0)
    returned = models.PositiveIntegerField(default=0)
    notes = models.TextField(blank=True)
    """What was odd or could not be read, a line each."""
    error = models.TextField(blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    stop_asked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            # An endpoint's page: its latest looks.
            models.Index(fields=["endpoint", "-id"], name="scan_by_endpoint"),
            models.Index(fields=["endpoint"], name="scan_running", condition=Q(state="running")),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.began_at:%Y-%m-%d %H:%M}"
