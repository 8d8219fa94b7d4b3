"""Until when a machine is held, and what happens after that."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models import FAR, Machine


class Lease(models.Model):
    """The terms are copied from the blueprint at hand-over: later changes of a blueprint change no running lease."""

    machine = models.OneToOneField(Machine, models.PROTECT, related_name="lease")
    started_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    zone = models.CharField(max_length=50)
    """The zone in which the last day was chosen."""
    latest_end = models.DateTimeField()
    """The cap that no extension passes."""
    grace_days = models.PositiveSmallIntegerField()
    restore_days = models.PositiveSmallIntegerField()
    warn_days = models.JSONField()
    extensions = models.PositiveSmallIntegerField(default=0)
    end_set_at = models.DateTimeField()
    """When the present end was decided: an end set at short notice cannot be warned of long before."""
    next_warning_at = models.DateTimeField(default=FAR)
    past_cap = models.BooleanField(default=False)
    """A restore already went past the cap once; only an admin may do so again."""
    stopped_at = models.DateTimeField(null=True, blank=True)
    remove_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    held_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="holds")
    held_at = models.DateTimeField(null=True, blank=True)
    held_reason = models.CharField(max_length=250, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("started_at")), name="lease_ends_after_start"),
            models.CheckConstraint(
                condition=Q(ends_at__lte=F("latest_end")),
                name="lease_within_cap",
                violation_error_message=_("The lease would be longer than its blueprint allows."),
            ),
            models.CheckConstraint(condition=Q(grace_days__gte=1), name="lease_has_grace"),
        ]
        indexes = [
            # The clock's sweeps: what ends, what is removed.
            models.Index(fields=["ends_at"], name="lease_by_end", condition=Q(ended_at__isnull=True)),
            models.Index(fields=["remove_at"], name="lease_by_removal", condition=Q(ended_at__isnull=True)),
            models.Index(fields=["next_warning_at"], name="lease_by_warning", condition=Q(ended_at__isnull=True)),
        ]
        verbose_name = _("lease")
        verbose_name_plural = _("leases")

    def __str__(self) -> str:
        return str(self.machine)
