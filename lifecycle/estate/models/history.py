"""Half-open history in UTC: how much of what was there (spans), and who held it (tenures)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models.machines import Machine
from lifecycle.people.models import CostCentre, Team


class Meter(models.TextChoices):
    """What is charged for. vCPU and memory run while the power is on, disk as long as it exists."""

    VCPU = "vcpu", _("vCPU")
    MEMORY = "memory_mib", _("Memory")
    DISK = "disk_mib", _("Disk")


class Span(models.Model):
    """`quantity` units of a meter from `started_at` up to, not including, `ended_at`."""

    machine = models.ForeignKey(Machine, models.PROTECT, related_name="spans")
    meter = models.CharField(max_length=20, choices=Meter.choices)
    quantity = models.PositiveBigIntegerField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    cause = models.CharField(max_length=60)
    """Why it began: a key such as `handed_over`, `started`, `restored`, `resized`, `seen_running`."""

    class Meta:
        ordering = ["started_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["machine", "meter"], condition=Q(ended_at__isnull=True), name="one_open_span_per_meter"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gt=F("started_at")), name="span_is_not_empty"
            ),
        ]
        indexes = [
            # A machine's history, and the charges of a month.
            models.Index(fields=["machine", "meter", "started_at"], name="span_by_machine"),
            models.Index(fields=["ended_at", "started_at"], name="span_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.machine_id} {self.meter} {self.quantity}"


class Tenure(models.Model):
    """Who held a machine, and which cost centre paid, from `started_at` up to, not including, `ended_at`."""

    machine = models.ForeignKey(Machine, models.PROTECT, related_name="tenures")
    holder = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="tenures")
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="tenures")
    cost_centre = models.ForeignKey(CostCentre, models.PROTECT, null=True, blank=True, related_name="tenures")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["started_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["machine"], condition=Q(ended_at__isnull=True), name="one_open_tenure_per_machine"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gt=F("started_at")), name="tenure_is_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(holder__isnull=False) | Q(team__isnull=False), name="tenure_has_a_holder"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.machine_id} {self.holder or self.team}"
