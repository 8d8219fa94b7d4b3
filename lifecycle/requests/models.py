"""What somebody asks, and who must allow it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from lifecycle.catalog.models import Blueprint, Size
from lifecycle.estate.models import Machine, Seed
from lifecycle.people.models import CostCentre, Team
from lifecycle.people.roles import Right, has

if TYPE_CHECKING:
    from lifecycle.people.models import User


class RequestQuerySet(models.QuerySet["Request"]):
    def visible_to(self, user: User) -> RequestQuerySet:
        """One's own, those one decides or decided, and the team's; all of them for admins and auditors."""
        if has(user, Right.SEE_ALL):
            return self
        rows = Request.objects.order_by().values("pk")
        steps = Step.objects.order_by().values("request_id")
        parts: list[models.QuerySet[Any, Any]] = [steps.filter(approver=user), steps.filter(decided_by=user)]
        if user.team_id:
            parts.append(rows.filter(team=user.team_id))
        return self.filter(pk__in=rows.filter(requester=user).union(*parts, all=True))


class Request(models.Model):
    """An order for a machine. What was agreed is copied: later changes of catalogue or prices change nothing."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for a decision")
        BUILDING = "building", _("building")
        DONE = "done", _("done")
        REFUSED = "refused", _("refused")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("withdrawn")
        LAPSED = "lapsed", _("lapsed")

    OPEN = (State.WAITING, State.BUILDING)

    requester = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="requests")
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="requests_as_holder"
    )
    team = models.ForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="requests")
    cost_centre = models.ForeignKey(CostCentre, models.PROTECT, related_name="requests")
    blueprint = models.ForeignKey(Blueprint, models.PROTECT, related_name="requests")
    size = models.ForeignKey(Size, models.PROTECT, related_name="requests")
    vcpus = models.PositiveSmallIntegerField()
    memory_mib = models.PositiveIntegerField()
    disk_mib = models.PositiveIntegerField()
    name = models.CharField(_("name"), max_length=40)
    purpose = models.TextField(_("purpose"))
    hostname = models.CharField(_("host name"), max_length=63, blank=True)
    """Of the guest; empty where nothing can be told to it."""
    ssh_keys = models.JSONField(_("SSH keys"), default=list)
    """Public keys that it lets in, one line each."""
    user_data_bytes = models.PositiveIntegerField(default=0)
    user_data_lines = models.PositiveIntegerField(default=0)
    """How much there was of what nobody sees again."""
    seed = models.OneToOneField(Seed, models.SET_NULL, null=True, blank=True, related_name="+")
    """Until the first start is over."""
    last_day = models.DateField(_("last day"))
    ends_at = models.DateTimeField()
    cents_per_month = models.PositiveBigIntegerField()
    cents_until_end = models.PositiveBigIntegerField()
    rate_card = models.CharField(max_length=40)

    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)
    machine = models.OneToOneField(Machine, models.PROTECT, null=True, blank=True, related_name="request")
    failure = models.TextField(blank=True)
    """What went wrong, as a sentence for the requester."""
    key = models.CharField(max_length=64, unique=True)
    """Idempotency of the submission: a form sent twice is one request."""
    created_at = models.DateTimeField()
    lapses_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = RequestQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                condition=Q(state__in=("waiting", "building")),
                name="one_open_request_per_name",
                violation_error_message=_("There is an open request for this name."),
            ),
            models.CheckConstraint(
                condition=Q(holder__isnull=False, team__isnull=True) | Q(holder__isnull=True, team__isnull=False),
                name="request_has_one_holder",
            ),
        ]
        indexes = [
            models.Index(fields=["requester", "-created_at", "-id"], name="request_by_requester"),
            models.Index(fields=["-created_at", "-id"], name="request_by_time"),
            models.Index(fields=["lapses_at"], name="request_lapsing", condition=Q(state="waiting")),
        ]
        verbose_name = _("request")
        verbose_name_plural = _("requests")

    def __str__(self) -> str:
        return f"R-{self.pk} {self.name}"

    @property
    def holder_name(self) -> str:
        return str(self.holder or self.team or "")

    @property
    def last_step(self) -> Step | None:
        """The one that decides, or decided."""
        return self.steps.order_by("pk").last()


class Step(models.Model):
    """One decision that a request needs. Never the requester's own."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        APPROVED = "approved", _("approved")
        REFUSED = "refused", _("refused")
        VOID = "void", _("no longer needed")

    request = models.ForeignKey(Request, models.CASCADE, related_name="steps")
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="steps_to_decide"
    )
    """Who is asked; when nobody is left to ask, any admin may decide."""
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="steps_decided"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            # The inbox.
            models.Index(fields=["approver", "id"], name="step_inbox", condition=Q(state="waiting"))
        ]

    def __str__(self) -> str:
        return f"{self.request} {self.state}"
