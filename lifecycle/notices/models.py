"""The outbox: which message goes to whom at which moment. Written with the act, sent afterwards."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Notice(models.Model):
    """One message to one person; shown in the portal at once, mailed by `send`. `key` makes it go out once."""

    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=60)
    key = models.CharField(max_length=200, unique=True)
    context = models.JSONField(default=dict)
    """Plain values for the renderer; never secrets."""
    path = models.CharField(max_length=200, blank=True)
    """Where in the portal the matter stands."""
    subject = models.CharField(max_length=250)
    at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            # The sender's sweep.
            models.Index(fields=["next_try_at", "id"], name="notice_unsent", condition=models.Q(sent_at__isnull=True)),
            # A person's notices page, and the count in the navigation.
            models.Index(fields=["recipient", "-at", "-id"], name="notice_by_recipient"),
            models.Index(fields=["recipient"], name="notice_unread", condition=models.Q(read_at__isnull=True)),
        ]
        verbose_name = _("notice")
        verbose_name_plural = _("notices")

    def __str__(self) -> str:
        return self.subject
