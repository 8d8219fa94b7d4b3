"""Who holds, who decides, who pays."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.contrib.auth.models import AbstractUser, Group
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
    group = models.OneToOneField(Group, models.PROTECT, null=True, blank=True, related_name="team", editable=False)
    """Stands for the team where machines are shared with it; made with the first share."""

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
        """What somebody may do beyond their own; supervising is no role but having reports."""

        EMPLOYEE = "employee", _("Employee")
        FINANCE = "finance", _("Finance")
        AUDITOR = "auditor", _("Auditor")
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


class Token(models.Model):
    """A key by which a program acts for a person. Only its digest is kept; it is shown once, when it is made."""

    class Scope(models.TextChoices):
        READ = "read", _("read")
        ACT = "act", _("read and act")

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tokens")
    name = models.CharField(_("name"), max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    """SHA-256 of the token: it has 256 bits of chance, so that nothing slower is needed."""
    hint = models.CharField(max_length=8)
    """Its first characters, by which its owner knows it again."""
    scope = models.CharField(_("scope"), max_length=10, choices=Scope.choices, default=Scope.READ)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField(_("expires"))
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-made_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "name"],
                condition=models.Q(revoked_at=None),
                name="one_live_token_per_name",
                violation_error_message=_("You have a token of this name."),
            )
        ]
        verbose_name = _("token")
        verbose_name_plural = _("tokens")

    def __str__(self) -> str:
        return self.name

    @property
    def last_day(self) -> date:
        """It works through that day, where its person is."""
        return (self.expires_at - timedelta(seconds=1)).astimezone(self.person.tz).date()


class SshKey(models.Model):
    """A public key by which its person signs in to machines: given to new ones at their first start."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="ssh_keys")
    name = models.CharField(_("name"), max_length=80)
    text = models.TextField(_("public key"))
    """One line, as ssh-keygen writes it."""
    fingerprint = models.CharField(max_length=60)
    """As ssh-keygen -l shows it: SHA256:…"""
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["added_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "fingerprint"],
                name="one_ssh_key_per_person",
                violation_error_message=_("You have this key already."),
            )
        ]
        verbose_name = _("SSH key")
        verbose_name_plural = _("SSH keys")

    def __str__(self) -> str:
        return self.name


class SignIn(models.Model):
    """A session that is signed in, so that its person can see it and end it."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sign_ins")
    session_key = models.CharField(max_length=40, unique=True)
    at = models.DateTimeField()
    seen_at = models.DateTimeField()
    address = models.GenericIPAddressField(null=True, blank=True)
    agent = models.CharField(max_length=200, blank=True)
    """What the browser says of itself: hostile text."""

    class Meta:
        ordering = ["-seen_at", "-id"]
        verbose_name = _("session")
        verbose_name_plural = _("sessions")

    def __str__(self) -> str:
        return self.agent or str(self.address)


class PeopleImport(models.Model):
    """A list of people that was read in: tried first, then applied, and undone when it was wrong."""

    class State(models.TextChoices):
        TRIED = "tried", _("tried")
        APPLIED = "applied", _("applied")
        UNDONE = "undone", _("undone")

    file_name = models.CharField(max_length=200)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="imports")
    state = models.CharField(max_length=10, choices=State.choices, default=State.TRIED)
    rows = models.JSONField(default=list)
    """Per row: its number, what was given, what becomes of it, the sentence, and the values before and after."""
    applied_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = _("import of people")
        verbose_name_plural = _("imports of people")

    def __str__(self) -> str:
        return self.file_name
