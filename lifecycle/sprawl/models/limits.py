"""From when on something is a finding: a number per limit, for one pool or for all."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models import Pool


class Threshold(models.Model):
    """A limit that is not the default of `sprawl/thresholds.py`. Without a pool it holds for all that have none."""

    pool = models.ForeignKey(Pool, models.CASCADE, null=True, blank=True, related_name="thresholds")
    name = models.CharField(max_length=40)
    value = models.PositiveIntegerField()

    class Meta:
        ordering = ["name", "pool"]
        constraints = [
            models.UniqueConstraint(fields=["pool", "name"], name="threshold_once_per_pool"),
            models.UniqueConstraint(fields=["name"], condition=Q(pool=None), name="threshold_once_for_all"),
        ]
        verbose_name = _("threshold")
        verbose_name_plural = _("thresholds")

    def __str__(self) -> str:
        return f"{self.name}={self.value}"
