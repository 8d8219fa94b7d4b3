"""What should not be so: findings, each with its evidence and its price."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models import Machine
from lifecycle.people.models import User
from lifecycle.people.roles import Right, has


class FindingQuerySet(models.QuerySet["Finding"]):
    def visible_to(self, user: User) -> FindingQuerySet:
        """Findings on machines that one sees: what nobody holds shows to admins and auditors only."""
        return self if has(user, Right.SEE_ALL) else self.filter(machine__in=Machine.objects.visible_to(user))


class Finding(models.Model):
    """Open until its cause ends; one per machine and kind at a time."""

    class Kind(models.TextChoices):
        ORPHAN = "orphan", _("Orphan")

    machine = models.ForeignKey(Machine, models.PROTECT, related_name="findings")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    cents_per_month = models.PositiveBigIntegerField()
    evidence = models.JSONField(default=list)
    """Sentences' keys and values: [{"what": "created_by", "value": "akaya"}, …]; values are hostile text."""

    objects = FindingQuerySet.as_manager()

    class Meta:
        ordering = ["-cents_per_month", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["machine", "kind"], condition=Q(ended_at__isnull=True), name="one_open_finding_each"
            )
        ]
        indexes = [
            # The report: dearest first.
            models.Index(fields=["kind", "-cents_per_month", "-id"], name="finding_by_cost", condition=Q(ended_at=None))
        ]
        verbose_name = _("finding")
        verbose_name_plural = _("findings")

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.machine}"
