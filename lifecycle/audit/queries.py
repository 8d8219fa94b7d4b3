"""Reading the record."""

from __future__ import annotations

from django.db import models

from lifecycle.audit.models import Entry


def history_of(subject: models.Model) -> models.QuerySet[Entry]:
    """Everything that was done to one object, newest first."""
    return Entry.objects.filter(object_type=subject._meta.model_name, object_id=subject.pk)
