"""What machines used: hours for a week, days for as long as reports look back. Integers only.

`cpu_milli` are thousandths of one processor: a machine with two busy vCPUs uses 2000.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from lifecycle.estate.models.machines import Machine


class UsageMark(models.Model):
    """The last sample of a machine: what was measured before it is written already. Where its hypervisor counts from
    the machine's start, the next one is compared with these amounts."""

    machine = models.OneToOneField(Machine, models.CASCADE, primary_key=True, related_name="usage_mark")
    at = models.DateTimeField()
    cpu_ms = models.PositiveBigIntegerField(null=True)
    io_bytes = models.PositiveBigIntegerField(null=True)
    net_bytes = models.PositiveBigIntegerField(null=True)

    def __str__(self) -> str:
        return f"{self.machine_id} {self.at}"


class UsageHour(models.Model):
    """Sums over the seconds of one hour that were measured; None: the hypervisor does not tell, of a part at least."""

    machine = models.ForeignKey(Machine, models.CASCADE, related_name="usage_hours")
    hour = models.DateTimeField()
    seconds = models.PositiveIntegerField(default=0)
    cpu_ms = models.PositiveBigIntegerField(default=0)
    memory_mib = models.PositiveBigIntegerField(null=True)
    """The most that was in use."""
    io_kib = models.PositiveBigIntegerField(null=True)
    net_kib = models.PositiveBigIntegerField(null=True)

    class Meta:
        ordering = ["machine", "hour"]
        constraints = [models.UniqueConstraint(fields=["machine", "hour"], name="usage_once_per_hour")]
        indexes = [
            # Swept away by the hour.
            models.Index(fields=["hour"], name="usage_hour_by_time")
        ]

    def __str__(self) -> str:
        return f"{self.machine_id} {self.hour}"


class UsageDay(models.Model):
    """One day (UTC) of one machine, from its hours. `quiet_hours` were below the limits of its pool at the time."""

    machine = models.ForeignKey(Machine, models.CASCADE, related_name="usage_days")
    day = models.DateField()
    hours = models.PositiveSmallIntegerField()
    """How many hours were measured."""
    quiet_hours = models.PositiveSmallIntegerField()
    cpu_milli = models.PositiveIntegerField(default=0)
    """Mean."""
    cpu_p95_milli = models.PositiveIntegerField(default=0)
    """95th percentile of the hours' means: so many of a hundred hours used no more."""
    cpu_top_milli = models.PositiveIntegerField(default=0)
    """The busiest hour's mean."""
    memory_p95_mib = models.PositiveBigIntegerField(null=True)
    memory_top_mib = models.PositiveBigIntegerField(null=True)
    io_kib_s = models.PositiveIntegerField(null=True)
    """Mean of the hours that were told."""
    net_kib_s = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["machine", "day"]
        constraints = [models.UniqueConstraint(fields=["machine", "day"], name="usage_once_per_day")]
        indexes = [
            # Detectors read the last days of all machines; old days are swept away.
            models.Index(fields=["day", "machine"], name="usage_day_by_day")
        ]

    def __str__(self) -> str:
        return f"{self.machine_id} {self.day}"


class UsageRoll(models.Model):
    """At most one row: when days were last made from hours, and by which limits hours were called quiet."""

    at = models.DateTimeField()
    limits = models.TextField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="usage_roll_is_one_row")]

    def __str__(self) -> str:
        return str(self.at)
