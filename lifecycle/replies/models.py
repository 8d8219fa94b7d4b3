"""What a program was answered, kept for a day, so that asking again with the same key does nothing again."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Reply(models.Model):
    """One key of one person. While `status` is empty, the work is under way."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)
    """Keyed digest of method, address and body: what the key was used for."""
    claimed_at = models.DateTimeField()
    """By the real clock, also where the portal's can be moved."""
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    body = models.BinaryField(default=bytes)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "key"], name="one_reply_per_key")]
        indexes = [
            # The hourly sweep.
            models.Index(fields=["claimed_at"], name="reply_by_age")
        ]
        verbose_name = _("reply")
        verbose_name_plural = _("replies")

    def __str__(self) -> str:
        return self.key
