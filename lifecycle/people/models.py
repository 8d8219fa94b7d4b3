"""Who holds, who decides, who pays."""

from __future__ import annotations

from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _


class CostCentre(models.Model):
    """What machines are charged to; its owner sees what it pays."""

    code = models.CharField(_("code"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=100)
    owner = models.ForeignKey(
        "User", models.SET_NULL, null=True, blank=True, related_name="cost_centres_owned", verbose_name=_("owner")
    )

    class Meta:
        ordering = ["code"]
        verbose_name = _("cost centre")
        verbose_name_plural = _("cost centres")

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class Team(models.Model):
    """People who hold machines together."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    cost_centre = models.ForeignKey(CostCentre, models.PROTECT, related_name="teams", verbose_name=_("cost centre"))

    class Meta:
        ordering = ["name"]
        verbose_name = _("team")
        verbose_name_plural = _("teams")

    def __str__(self) -> str:
        return self.name


def validate_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(_("%(zone)s is not a time zone."), params={"zone": name})


class User(AbstractUser):
    """A person. `supervisor` decides on their requests; `left_on` is the last day of a leaver."""

    class Role(models.TextChoices):
        EMPLOYEE = "employee", _("Employee")
        ADMIN = "admin", _("Administrator")

    role = models.CharField(_("role"), max_length=20, choices=Role.choices, default=Role.EMPLOYEE)
    supervisor = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="reports", verbose_name=_("supervisor")
    )
    team = models.ForeignKey(
        Team, models.SET_NULL, null=True, blank=True, related_name="members", verbose_name=_("team")
    )
    cost_centre = models.ForeignKey(
        CostCentre, models.PROTECT, null=True, blank=True, related_name="people", verbose_name=_("cost centre")
    )
    zone = models.CharField(_("time zone"), max_length=50, default="Europe/Berlin", validators=[validate_zone])
    left_on = models.DateField(_("left on"), null=True, blank=True)

    class Meta:
        ordering = ["username"]
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(supervisor__isnull=True) | ~models.Q(supervisor=models.F("id")),
                name="nobody_supervises_themselves",
                violation_error_message=_("Nobody can be their own supervisor."),
            )
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    @property
    def is_admin(self) -> bool:
        return self.role == self.Role.ADMIN or self.is_superuser

    @cached_property
    def decides(self) -> bool:
        """Somebody reports to this person."""
        return self.reports.exists()

    @cached_property
    def owns_cost_centre(self) -> bool:
        return self.cost_centres_owned.exists()

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)
