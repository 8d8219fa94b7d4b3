"""How machines come to a holder: claims of those who say "that is mine", and lists that were read in."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models import Machine
from lifecycle.people.models import Team


class Claim(models.Model):
    """Somebody says that a machine is theirs, or their team's; an administrator decides."""

    class State(models.TextChoices):
        OPEN = "open", _("waits for a decision")
        ACCEPTED = "accepted", _("accepted")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn")
        OVERTAKEN = "overtaken", _("overtaken")

    machine = models.ForeignKey(Machine, models.PROTECT, related_name="claims")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="claims")
    for_team = models.BooleanField(default=False)
    reason = models.CharField(_("reason"), max_length=500)
    purpose = models.CharField(_("purpose"), max_length=1000)
    last_day = models.DateField(_("last day"))
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    at = models.DateTimeField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(_("answer"), max_length=500, blank=True)

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["machine", "by"], condition=Q(state="open"), name="one_open_claim_per_person"
            )
        ]
        indexes = [
            # What waits for a decision, oldest first.
            models.Index(fields=["at", "id"], name="claim_open", condition=Q(state="open"))
        ]
        verbose_name = _("claim")
        verbose_name_plural = _("claims")

    def __str__(self) -> str:
        return f"{self.machine} ({self.by})"


class BoardPlace(models.Model):
    """A machine on the board "is this yours?", where every employee sees it until somebody holds it."""

    machine = models.OneToOneField(Machine, models.CASCADE, primary_key=True, related_name="board_place")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return str(self.machine_id)


class AdoptionList(models.Model):
    """Whose machines are, for many at once: from a file or a selection; tried first, then applied row by row."""

    class State(models.TextChoices):
        TRIED = "tried", _("tried")
        APPLYING = "applying", _("being applied")
        APPLIED = "applied", _("applied")

    name = models.CharField(max_length=200)
    """Of the file, or what was selected."""
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.TRIED)
    unknown = models.JSONField(default=list)
    """Columns that mean nothing here."""
    applied_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    applied_at = models.DateTimeField(null=True, blank=True)
    """When the last row was done."""

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["-at", "-id"], name="adoption_list_by_time")]
        verbose_name = _("list of holders")
        verbose_name_plural = _("lists of holders")

    def __str__(self) -> str:
        return self.name


class AdoptionRow(models.Model):
    """A machine of a list: what was given, what was understood, and what becomes or became of it."""

    class Outcome(models.TextChoices):
        READY = "ready", _("Will be given")
        GIVEN = "given", _("Given")
        HELD = "held", _("Held already")
        MANAGED = "managed", _("Managed by others")
        EMPTY = "empty", _("Not filled in")
        REFUSED = "refused", _("Left out")

    list = models.ForeignKey(AdoptionList, models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField()
    """The line of the file, or the place in the selection."""
    given = models.JSONField(default=dict)
    """Column -> text, as it was written: hostile."""
    machine = models.ForeignKey(Machine, models.PROTECT, null=True, blank=True, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="+")
    purpose = models.CharField(max_length=1000, blank=True)
    last_day = models.DateField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.READY)
    problem = models.CharField(max_length=500, blank=True)
    """Why not, in a sentence."""

    class Meta:
        ordering = ["number", "id"]
        constraints = [models.UniqueConstraint(fields=["list", "number"], name="adoption_row_once")]
        indexes = [
            # Counts, one outcome's rows, and what is still to be done.
            models.Index(fields=["list", "outcome", "number"], name="adoption_row_by_outcome"),
        ]

    def __str__(self) -> str:
        return f"{self.list_id}: {self.number}"
