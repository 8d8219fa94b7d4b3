"""Whose a machine might be: candidates with their evidence, and the sources and rules that they come from."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models import Endpoint, Machine
from lifecycle.people.models import Team


class HolderCandidate(models.Model):
    """Somebody who might hold a machine that nobody holds. Computed anew; never a decision."""

    machine = models.ForeignKey(Machine, models.CASCADE, related_name="candidates")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")
    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="+")
    score = models.PositiveSmallIntegerField()
    """0 to 100."""
    evidence = models.JSONField(default=list)
    """[{"what": key, "value": text, "points": number}, …]; values are hostile text."""

    class Meta:
        ordering = ["-score", "id"]
        constraints = [
            models.UniqueConstraint(fields=["machine", "person"], name="candidate_once_per_person"),
            models.UniqueConstraint(fields=["machine", "team"], name="candidate_once_per_team"),
            models.CheckConstraint(
                condition=Q(person__isnull=False, team=None) | Q(person=None, team__isnull=False),
                name="candidate_is_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.machine_id}: {self.person or self.team} ({self.score})"


class EstateRule(models.Model):
    """What names, folders, labels or networks say of machines that nobody holds. All that is given must fit."""

    class Effect(models.TextChoices):
        HINT = "hint", _("says whose it might be")
        ADOPT = "adopt", _("gives it a holder")
        MANAGED = "managed", _("says that something else manages it")

    name = models.CharField(_("name"), max_length=80, unique=True)
    effect = models.CharField(_("effect"), max_length=10, choices=Effect.choices)
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, null=True, blank=True, related_name="+")
    machine_name = models.CharField(_("name of the machine"), max_length=255, blank=True)
    """With * and ? as in file names, whatever the case; so of the others."""
    folder = models.CharField(_("folder"), max_length=500, blank=True)
    label = models.CharField(_("label"), max_length=255, blank=True)
    """`name` or `name=value`."""
    network = models.CharField(_("network"), max_length=255, blank=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")
    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="+")
    purpose = models.CharField(_("purpose"), max_length=500, blank=True)
    lease_days = models.PositiveIntegerField(_("days of the lease"), null=True, blank=True)
    managed_by = models.CharField(_("managed by"), max_length=255, blank=True)
    enabled = models.BooleanField(_("in force"), default=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        verbose_name = _("rule")
        verbose_name_plural = _("rules")

    def __str__(self) -> str:
        return self.name


class CmdbRow(models.Model):
    """A line of the inventory that was kept by hand: who is said to own what."""

    name = models.CharField(max_length=255, blank=True)
    uuid = models.UUIDField(null=True, blank=True)
    address = models.CharField(max_length=64, blank=True)
    owner = models.CharField(max_length=255)
    """As it was written: a name, an address of mail, a user name, a team."""
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["name"], name="cmdb_by_name"),
            models.Index(fields=["uuid"], name="cmdb_by_uuid"),
        ]

    def __str__(self) -> str:
        return self.name or str(self.uuid or self.address)
