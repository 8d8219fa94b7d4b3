"""Who did what to what, when and why. Rows are only ever added.

The database itself refuses to change or remove them: triggers, made by migration 0006. SQLite loses a table's triggers
when a later migration alters its columns; such a migration makes them anew, and a test notices.
"""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from django.db.models.functions import Concat, StrIndex, Substr
from django.utils.translation import gettext_lazy as _


class Entry(models.Model):
    """One act. The actor is kept as plain columns, so that the record outlives the person's account."""

    at = models.DateTimeField()
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(max_length=150)
    verb = models.CharField(max_length=60)
    area = models.GeneratedField(
        expression=Substr("verb", 1, StrIndex(Concat("verb", models.Value(".")), models.Value(".")) - 1),
        output_field=models.CharField(max_length=60),
        db_persist=True,
    )
    """The verb up to its dot: "lease" of "lease.extended". A column, so that a whole group is one walk of an index."""
    object_type = models.CharField(max_length=40)
    object_id = models.BigIntegerField()
    object_name = models.CharField(max_length=255)
    reason = models.TextField(blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            # The audit page and its keyset.
            models.Index(fields=["-at", "-id"], name="audit_by_time"),
            # History on an object's own page.
            models.Index(fields=["object_type", "object_id", "-at", "-id"], name="audit_by_object"),
            # Filters of the audit page and its export, each in the order in which rows are shown. Migration 0006 adds
            # `audit_by_name`, for names by their beginning, in each database's own words.
            models.Index(fields=["actor_id", "-at", "-id"], name="audit_by_person"),
            models.Index(fields=["object_type", "-at", "-id"], name="audit_by_kind"),
            models.Index(fields=["area", "-at", "-id"], name="audit_by_area"),
            models.Index(fields=["verb", "-at", "-id"], name="audit_by_verb"),
        ]
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")

    def __str__(self) -> str:
        return f"{self.actor_name} {self.verb} {self.object_type} {self.object_name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk:
            raise TypeError("The audit record is only ever added to.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("The audit record is only ever added to.")
