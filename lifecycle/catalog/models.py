"""What can be ordered: blueprints, sizes, and the terms of a lease."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models import Image, Pool


def validate_warnings(days: Any) -> None:
    if not (isinstance(days, list) and days and all(type(day) is int and 0 < day <= 365 for day in days)):
        raise ValidationError(_("Warnings are a list of days before the end, each between 1 and 365."))
    if days != sorted(set(days), reverse=True):
        raise ValidationError(_("Warnings are listed once each, the earliest (largest number) first."))


def usual_warnings() -> list[int]:
    return [14, 7, 3, 1]


class Size(models.Model):
    """A ready combination of vCPU, memory and system disk."""

    name = models.CharField(_("name"), max_length=40, unique=True)
    vcpus = models.PositiveSmallIntegerField(_("vCPU"), validators=[MinValueValidator(1), MaxValueValidator(768)])
    memory_mib = models.PositiveIntegerField(_("memory, MiB"), validators=[MinValueValidator(16)])
    disk_mib = models.PositiveIntegerField(_("system disk, MiB"), validators=[MinValueValidator(16)])

    class Meta:
        ordering = ["memory_mib", "vcpus", "id"]
        verbose_name = _("size")
        verbose_name_plural = _("sizes")

    def __str__(self) -> str:
        return self.name


class Blueprint(models.Model):
    """An image plus what may be chosen, and the terms a machine made from it is leased on."""

    class Approval(models.TextChoices):
        SUPERVISOR = "supervisor", _("the supervisor decides")
        NONE = "none", _("nobody needs to decide")

    name = models.CharField(_("name"), max_length=60, unique=True)
    summary = models.CharField(_("summary"), max_length=120, blank=True)
    icon = models.CharField(_("icon"), max_length=40, default="server")
    image = models.ForeignKey(Image, models.PROTECT, related_name="blueprints", verbose_name=_("image"))
    pool = models.ForeignKey(Pool, models.PROTECT, related_name="blueprints", verbose_name=_("pool"))
    sizes = models.ManyToManyField(Size, related_name="blueprints", verbose_name=_("sizes"))
    cloud_init = models.BooleanField(_("its image runs cloud-init"), default=False)
    """Then its machines take host name, SSH keys and user data, where their endpoint can hand these over."""
    approval = models.CharField(_("approval"), max_length=12, choices=Approval.choices, default=Approval.SUPERVISOR)
    offered = models.BooleanField(_("offered"), default=True)
    position = models.PositiveSmallIntegerField(default=0)

    default_days = models.PositiveSmallIntegerField(_("usual lease, days"), validators=[MinValueValidator(1)])
    max_days = models.PositiveSmallIntegerField(_("longest lease, days"), validators=[MinValueValidator(1)])
    grace_days = models.PositiveSmallIntegerField(_("kept after the end, days"), validators=[MinValueValidator(1)])
    restore_days = models.PositiveSmallIntegerField(
        _("new end after a restore, days"), default=7, validators=[MinValueValidator(1)]
    )
    warn_days = models.JSONField(_("warnings, days before"), default=usual_warnings, validators=[validate_warnings])

    class Meta:
        ordering = ["position", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(default_days__lte=F("max_days")),
                name="usual_lease_within_longest",
                violation_error_message=_("The usual lease is longer than the longest."),
            ),
            # A forgotten grace must never mean "at once".
            models.CheckConstraint(
                condition=Q(grace_days__gte=1) & Q(restore_days__gte=1) & Q(default_days__gte=1),
                name="terms_have_days",
                violation_error_message=_("Lease, grace and restore have at least one day."),
            ),
        ]
        verbose_name = _("blueprint")
        verbose_name_plural = _("blueprints")

    def __str__(self) -> str:
        return self.name
