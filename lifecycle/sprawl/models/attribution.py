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

    IS_COMPUTED = True
    """Whoever is only named here is not in use."""

    machine = models.ForeignKey(Machine, models.CASCADE, related_name="candidates")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")
    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="+")
    score = models.PositiveSmallIntegerField()
    """0 to 100."""
    evidence = models.JSONField(default=list)
    """[{"what": key, "value": text, "points": number, …}, …], the weightiest first; values are hostile text. Keys and
    points stand in `sprawl/attribution/sources.py`."""

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


class CmdbFile(models.Model):
    """The inventory that was kept by hand, as a file: tried first, then in force in place of the one before it."""

    class State(models.TextChoices):
        TRIED = "tried", _("tried")
        IN_FORCE = "in_force", _("in force")

    file_name = models.CharField(max_length=200)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.TRIED)
    unknown = models.JSONField(default=list)
    """Columns that mean nothing here."""
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="in_force"), name="one_inventory_in_force")
        ]
        verbose_name = _("inventory")
        verbose_name_plural = _("inventories")

    def __str__(self) -> str:
        return self.file_name


class CmdbRow(models.Model):
    """A line of an inventory: who is said to own what, and what we made of it when it was tried."""

    class Outcome(models.TextChoices):
        FITS = "fits", _("fits")
        OWNER_UNKNOWN = "owner_unknown", _("owner not known")
        NO_MACHINE = "no_machine", _("no such machine")
        REFUSED = "refused", _("refused")

    file = models.ForeignKey(CmdbFile, models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField()
    """The line of the file that it begins in."""
    name = models.CharField(max_length=255, blank=True)
    key = models.CharField(max_length=255, blank=True)
    """The name whatever its case."""
    uuid = models.UUIDField(null=True, blank=True)
    address = models.CharField(max_length=64, blank=True)
    owner = models.CharField(max_length=255)
    """As it was written: a name, an address of mail, a user name, a team."""
    note = models.CharField(max_length=500, blank=True)
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    problem = models.CharField(max_length=250, blank=True)

    class Meta:
        ordering = ["number", "id"]
        indexes = [
            models.Index(fields=["file", "number", "id"], name="cmdb_by_line"),
            models.Index(fields=["file", "outcome", "number", "id"], name="cmdb_by_outcome"),
            # Which line names a machine.
            models.Index(fields=["file", "key"], name="cmdb_by_key"),
            models.Index(fields=["file", "uuid"], name="cmdb_by_uuid"),
            models.Index(fields=["file", "address"], name="cmdb_by_address"),
        ]

    def __str__(self) -> str:
        return self.name or str(self.uuid or self.address)
