"""Disk files that no machine of their endpoint uses."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models.endpoints import Datastore


class DiskFile(models.Model):
    """A file or volume without a user, as complete looks saw it. Whether that makes it an orphan, others prove.

    It is renamed first, then waited for, then removed; until then it can be had back.
    """

    class State(models.TextChoices):
        FOUND = "found", _("found")
        RETIRED = "retired", _("renamed, waiting")
        REMOVED = "removed", _("removed")

    datastore = models.ForeignKey(Datastore, models.CASCADE, related_name="files")
    ref = models.CharField(max_length=500)
    name = models.CharField(max_length=500)
    """As the last look saw it."""
    size_mib = models.PositiveBigIntegerField()
    changed_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.FOUND)
    unused_since = models.DateTimeField()
    """The first of the complete looks in a row that found it without a user."""
    looks = models.PositiveIntegerField(default=1)
    """How many they are."""
    seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, blank=True)
    """Since when it is not there any more, or used again."""
    former_name = models.CharField(max_length=500, blank=True)
    """What it was called before it was renamed: the name that it can have back."""
    retire_key = models.CharField(max_length=64, blank=True)
    """Stands in the name that it was given, so that no other file is ever taken for it."""
    retired_at = models.DateTimeField(null=True, blank=True)
    remove_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-size_mib", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["datastore", "ref"], condition=Q(gone_at__isnull=True), name="disk_file_once"
            )
        ]
        indexes = [
            # Those whose wait is over.
            models.Index(fields=["remove_at"], name="disk_file_due", condition=Q(state="retired")),
            # The list: largest first.
            models.Index(fields=["-size_mib", "-id"], name="disk_file_by_size", condition=Q(gone_at=None)),
            # The same file as another endpoint sees it.
            models.Index(fields=["datastore", "name"], name="disk_file_by_name", condition=Q(gone_at=None)),
        ]

    def __str__(self) -> str:
        return self.former_name or self.name
