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
        RETIRING = "retiring", _("being renamed")
        RETIRED = "retired", _("renamed, waiting")
        RESTORING = "restoring", _("getting its name back")
        REMOVING = "removing", _("being removed")
        REMOVED = "removed", _("removed")

    class End(models.TextChoices):
        """Why a row ended."""

        USED = "used", _("something uses it")
        MISSING = "missing", _("it is not there any more")
        REMOVED = "removed", _("it was removed")

    UNDER_WAY = (State.RETIRING, State.RESTORING, State.REMOVING)
    """What an operation is at: looks leave it alone."""

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
    end = models.CharField(max_length=10, choices=End.choices, blank=True)
    leads = models.BooleanField(default=True)
    """Where several endpoints mount its storage, one of their rows stands for the file in lists and findings."""
    former_name = models.CharField(max_length=500, blank=True)
    """What it was called before it was renamed: the name that it can have back."""
    retire_key = models.CharField(max_length=64, blank=True)
    """Stands in the name that it was given, so that no other file is ever taken for it."""
    retired_at = models.DateTimeField(null=True, blank=True)
    remove_at = models.DateTimeField(null=True, blank=True)
    doubt = models.CharField(max_length=20, blank=True)
    """The first reason why it is not proven to be an orphan, as of the last scan for findings."""
    touched_at = models.DateTimeField(null=True, blank=True)
    """When something was last ordered or done to it: a look that began before knows nothing of that."""
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

    @property
    def is_there(self) -> bool:
        return self.gone_at is None
