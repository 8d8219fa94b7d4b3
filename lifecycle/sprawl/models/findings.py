"""What should not be so: findings, each with its evidence and its price, and what is exempt from them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models import DiskFile, Endpoint, Image, Machine, Pool
from lifecycle.people.models import User
from lifecycle.people.roles import Right, has


class Kind(models.TextChoices):
    """In the order in which a machine's waste is counted: once, in the first class that it has."""

    ORPHAN = "orphan", _("Orphan")
    GHOST = "ghost", _("Ghost")
    HOLDER_GONE = "holder_gone", _("Holder gone")
    OWNERLESS = "ownerless", _("Without a holder")
    RUNS_QUARANTINED = "runs_quarantined", _("Running though quarantined")
    PAST_END = "past_end", _("Past its end")
    NO_END = "no_end", _("No end date")
    POWERED_OFF = "powered_off", _("Off for long")
    IDLE = "idle", _("Idle")
    OVERSIZED = "oversized", _("Oversized")
    SNAPSHOTS = "snapshots", _("Old snapshots")
    DISK_FILE = "disk_file", _("Orphan disk")
    IMAGE = "image", _("Unused image")
    DUPLICATE = "duplicate", _("Duplicate")


class Confidence(models.IntegerChoices):
    CERTAIN = 3, _("Certain")
    LIKELY = 2, _("Likely")
    GUESS = 1, _("Guess")


class Exemption(models.Model):
    """Why something is no finding, who says so, and until when. Of one subject, or of a whole pool."""

    machine = models.ForeignKey(Machine, models.CASCADE, null=True, blank=True, related_name="exemptions")
    disk_file = models.ForeignKey(DiskFile, models.CASCADE, null=True, blank=True, related_name="exemptions")
    image = models.ForeignKey(Image, models.CASCADE, null=True, blank=True, related_name="exemptions")
    pool = models.ForeignKey(Pool, models.CASCADE, null=True, blank=True, related_name="exemptions")
    kind = models.CharField(max_length=20, choices=Kind.choices, blank=True)
    """Empty: of every kind."""
    reason = models.CharField(_("reason"), max_length=500)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="exemptions")
    at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    """When it was taken back before its end."""

    class Meta:
        ordering = ["-at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(machine__isnull=False, disk_file=None, image=None, pool=None)
                | Q(machine=None, disk_file__isnull=False, image=None, pool=None)
                | Q(machine=None, disk_file=None, image__isnull=False, pool=None)
                | Q(machine=None, disk_file=None, image=None, pool__isnull=False),
                name="exemption_has_one_subject",
            )
        ]
        verbose_name = _("exemption")
        verbose_name_plural = _("exemptions")

    def __str__(self) -> str:
        return self.reason

    @property
    def last_moment(self) -> datetime:
        """Its last day, where whoever said so is, ends with it."""
        return self.ends_at - timedelta(seconds=1)


class FindingQuerySet(models.QuerySet["Finding"]):
    def visible_to(self, user: User) -> FindingQuerySet:
        """Findings on machines that one sees: what nobody holds shows to admins and auditors only."""
        return self if has(user, Right.SEE_ALL) else self.filter(machine__in=Machine.objects.visible_to(user))

    def standing(self) -> FindingQuerySet:
        """Open and not exempt: what reports show."""
        return self.filter(ended_at=None, exemption=None)


class Finding(models.Model):
    """Open until its cause ends; one per subject and kind at a time. The subject is a machine, a disk file or an image.

    Money is what the subject costs a month; `saves_…` and the quantities are what could be had back. They are counted
    in sums only where `counts` is set, so that one machine's waste is counted once.
    """

    machine = models.ForeignKey(Machine, models.PROTECT, null=True, blank=True, related_name="findings")
    disk_file = models.ForeignKey(DiskFile, models.CASCADE, null=True, blank=True, related_name="findings")
    image = models.ForeignKey(Image, models.CASCADE, null=True, blank=True, related_name="findings")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    since = models.DateTimeField()
    """When the cause began, as well as we know: for an idle machine, the first quiet day."""
    found_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    confidence = models.PositiveSmallIntegerField(choices=Confidence.choices, default=Confidence.CERTAIN)
    action = models.CharField(max_length=20, blank=True)
    """What we propose: a key of `sprawl/proposals.py`."""
    cents_per_month = models.PositiveBigIntegerField(default=0)
    saves_cents = models.PositiveBigIntegerField(default=0)
    vcpus = models.PositiveIntegerField(default=0)
    memory_mib = models.PositiveBigIntegerField(default=0)
    disk_mib = models.PositiveBigIntegerField(default=0)
    counts = models.BooleanField(default=True)
    exemption = models.ForeignKey(Exemption, models.SET_NULL, null=True, blank=True, related_name="findings")
    evidence = models.JSONField(default=list)
    """Sentences' keys and values: [{"what": "created_by", "value": "akaya"}, …]; values are hostile text."""

    objects = FindingQuerySet.as_manager()

    class Meta:
        ordering = ["-cents_per_month", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["machine", "kind"], condition=Q(ended_at__isnull=True), name="one_open_finding_each"
            ),
            models.UniqueConstraint(
                fields=["disk_file", "kind"], condition=Q(ended_at__isnull=True), name="one_open_finding_per_file"
            ),
            models.UniqueConstraint(
                fields=["image", "kind"], condition=Q(ended_at__isnull=True), name="one_open_finding_per_image"
            ),
            models.CheckConstraint(
                condition=Q(machine__isnull=False, disk_file=None, image=None)
                | Q(machine=None, disk_file__isnull=False, image=None)
                | Q(machine=None, disk_file=None, image__isnull=False),
                name="finding_has_one_subject",
            ),
        ]
        indexes = [
            # The reports: dearest first, of one kind and of all.
            models.Index(
                fields=["kind", "-cents_per_month", "-id"], name="finding_by_cost", condition=Q(ended_at=None)
            ),
            models.Index(fields=["-saves_cents", "-id"], name="finding_by_savings", condition=Q(ended_at=None)),
            # One machine's page.
            models.Index(fields=["machine"], name="finding_open_by_machine", condition=Q(ended_at=None)),
        ]
        verbose_name = _("finding")
        verbose_name_plural = _("findings")

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject}"

    @property
    def on_machine(self) -> Machine:
        """Its machine, where the kind is one of machines."""
        assert self.machine is not None  # noqa: S101 - whoever asks knows the kind
        return self.machine

    @property
    def subject(self) -> Machine | DiskFile | Image:
        found = self.machine or self.disk_file or self.image
        assert found is not None  # noqa: S101 - finding_has_one_subject
        return found


class WasteDay(models.Model):
    """What stood open at the end of a day, for the trend. One row per day (UTC), endpoint and kind."""

    day = models.DateField()
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    findings = models.PositiveIntegerField()
    """All that stood, also those whose waste counts in another class."""
    saves_cents = models.PositiveBigIntegerField()
    vcpus = models.PositiveBigIntegerField()
    memory_mib = models.PositiveBigIntegerField()
    disk_mib = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["day", "kind"]
        constraints = [models.UniqueConstraint(fields=["day", "endpoint", "kind"], name="waste_once_per_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.kind}"
