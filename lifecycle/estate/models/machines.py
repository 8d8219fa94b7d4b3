"""The machine: stage, power and identity kept apart, and who may see it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from lifecycle import clock
from lifecycle.estate.models.endpoints import Endpoint, Host, Image, Pool
from lifecycle.people.models import CostCentre, Team
from lifecycle.people.roles import Right, has

if TYPE_CHECKING:
    from lifecycle.people.models import User

FAR = datetime(9000, 1, 1, tzinfo=UTC)
"""Stands for "no date": keyset paging needs keys that are never null."""


class Stage(models.TextChoices):
    """What we decided about a machine. The allowed moves stand in `estate/stages.py`."""

    DISCOVERED = "discovered", _("found")
    BUILDING = "building", _("building")
    ACTIVE = "active", _("active")
    EXPIRED = "expired", _("expired")
    QUARANTINED = "quarantined", _("quarantined")
    REMOVING = "removing", _("removing")
    REMOVED = "removed", _("removed")
    FAILED = "failed", _("failed")


LIVE = (Stage.DISCOVERED, Stage.BUILDING, Stage.ACTIVE, Stage.EXPIRED, Stage.QUARANTINED, Stage.REMOVING)
LEASED = (Stage.ACTIVE, Stage.EXPIRED, Stage.QUARANTINED, Stage.REMOVING)
ENDED = (Stage.REMOVED, Stage.FAILED)


class Power(models.TextChoices):
    """What the hypervisor last said; when it said so is `power_at`."""

    ON = "on", _("running")
    OFF = "off", _("off")
    SUSPENDED = "suspended", _("suspended")
    UNKNOWN = "unknown", _("unknown")


class Missing(models.TextChoices):
    """Why a machine is not there any more, as well as it can be told."""

    REMOVED = "removed", _("removed on the hypervisor")
    ELSEWHERE = "elsewhere", _("seen on another endpoint")
    UNKNOWN = "unknown", _("nobody says why")


class Level(models.TextChoices):
    """How far a machine is shared; each level has what stands before it. The values are guardian's permissions."""

    SEE = "view_machine", _("see")
    OPERATE = "operate_machine", _("operate")
    MANAGE = "manage_machine", _("manage")


class MachineQuerySet(models.QuerySet["Machine"]):
    def visible_to(self, user: User) -> MachineQuerySet:
        """Machines this person may see: held, their team's, their reports', or shared; all for admins and auditors.

        One `IN (… UNION ALL …)` of index look-ups: its cost grows with what the person sees, not with the table.
        """
        if has(user, Right.SEE_ALL):
            return self
        rows = Machine.objects.order_by().values("pk")
        parts = [
            rows.filter(holder__in=user.reports.order_by().values("pk")),
            *(grants.values("content_object_id") for grants in grants_to(user)),
        ]
        if user.team_id:
            parts.append(rows.filter(team=user.team_id))
        return self.filter(pk__in=rows.filter(holder=user).union(*parts, all=True))

    def live(self) -> MachineQuerySet:
        return self.filter(stage__in=LIVE)

    def ownerless(self) -> MachineQuerySet:
        """Found on a hypervisor, held by nobody, and not managed by something else."""
        return self.filter(stage=Stage.DISCOVERED, managed_by="", managed_rule="", missing_since=None)

    def seen_at_least(self, scans: int) -> MachineQuerySet:
        """Known to so many complete looks at their endpoint, the first that saw them included."""
        return self.filter(endpoint__scans__gte=F("scans_before") + scans)


class Machine(models.Model):
    """A virtual machine: ordered through us or found. Never deleted from this table."""

    endpoint = models.ForeignKey(Endpoint, models.PROTECT, related_name="machines")
    native_ref = models.CharField(max_length=255, blank=True)
    """The hypervisor's reference; empty until the machine exists there."""
    uuid = models.UUIDField(default=uuid.uuid4)
    name = models.CharField(_("name"), max_length=255)
    stage = models.CharField(_("stage"), max_length=20, choices=Stage.choices, default=Stage.DISCOVERED)
    power = models.CharField(_("power"), max_length=20, choices=Power.choices, default=Power.UNKNOWN)
    power_at = models.DateTimeField(null=True, blank=True)

    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="machines",
        verbose_name=_("holder"),
    )
    team = models.ForeignKey(
        Team, models.PROTECT, null=True, blank=True, related_name="machines", verbose_name=_("team")
    )
    cost_centre = models.ForeignKey(
        CostCentre, models.PROTECT, null=True, blank=True, related_name="machines", verbose_name=_("cost centre")
    )
    purpose = models.TextField(_("purpose"), blank=True)
    next_at = models.DateTimeField(default=FAR)
    """When the clock next acts on it; written by the leases room."""

    vcpus = models.PositiveIntegerField(_("vCPU"), default=0)
    memory_mib = models.PositiveBigIntegerField(_("memory"), default=0)
    disk_mib = models.PositiveBigIntegerField(_("disk"), default=0)
    pool = models.ForeignKey(Pool, models.SET_NULL, null=True, blank=True, related_name="machines")
    host = models.ForeignKey(Host, models.SET_NULL, null=True, blank=True, related_name="machines")
    image = models.ForeignKey(Image, models.SET_NULL, null=True, blank=True, related_name="machines")
    addresses = models.JSONField(default=list)
    guest_name = models.CharField(max_length=255, blank=True)
    note = models.TextField(blank=True)
    """What people wrote on the VM: hostile text."""
    created_by = models.CharField(max_length=255, blank=True)
    """Who made it, as the hypervisor's own events say."""
    managed_by = models.CharField(max_length=255, blank=True)
    """Who else manages it, as the hypervisor says; then it is never flagged."""
    managed_rule = models.CharField(max_length=255, blank=True)
    """The same, as a rule of ours says; written by the sprawl room."""
    folder = models.CharField(max_length=500, blank=True)
    labels = models.JSONField(default=dict)
    """Custom fields and tags: hostile text."""
    power_since = models.DateTimeField(null=True, blank=True)
    """Since when it is on or off, as events say, or else as we first saw it."""
    powered_by = models.CharField(max_length=255, blank=True)
    """Who last started or stopped it, as events say."""
    cpu_percent = models.PositiveSmallIntegerField(null=True, blank=True)
    idle_since = models.DateTimeField(null=True, blank=True)

    created_at = models.DateTimeField(null=True, blank=True)
    first_seen_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    """The last look that saw it, by the (shifted) clock that charges follow."""
    """While it is not missing, `Endpoint.swept_at` may be later: looks that found nothing new leave rows alone."""
    scans_before = models.PositiveIntegerField(default=0, editable=False)
    """How many complete looks at its endpoint there were before the first that saw it."""
    scans_missed = models.PositiveIntegerField(default=0)
    missing_since = models.DateTimeField(null=True, blank=True)
    missing_reason = models.CharField(max_length=20, blank=True, choices=Missing.choices)
    missing_by = models.CharField(max_length=255, blank=True)
    """Who removed it, as events say."""

    objects = MachineQuerySet.as_manager()

    class Meta:
        ordering = ["next_at", "id"]
        default_permissions = ("view",)
        permissions = [
            ("operate_machine", _("Can start, stop and restart the machine")),
            ("manage_machine", _("Can extend, give back and share the machine")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "native_ref"],
                condition=~Q(native_ref="") & Q(stage__in=LIVE),
                name="machine_once_per_reference",
            ),
            models.CheckConstraint(
                condition=~Q(stage=Stage.ACTIVE) | Q(holder__isnull=False) | Q(team__isnull=False),
                name="active_machine_has_a_holder",
                violation_error_message=_("An active machine has a holder."),
            ),
        ]
        indexes = [
            # The lists: everything, mine, my team's; next date first.
            models.Index(fields=["next_at", "id"], name="machine_by_next"),
            models.Index(fields=["holder", "next_at", "id"], name="machine_by_holder"),
            models.Index(fields=["team", "next_at", "id"], name="machine_by_team"),
            models.Index(fields=["name", "id"], name="machine_by_name"),
            # Leases that are due, findings, counts by stage.
            models.Index(fields=["stage", "next_at", "id"], name="machine_by_stage"),
            # Matching a scan: by reference first, by UUID when references changed.
            models.Index(fields=["endpoint", "uuid"], name="machine_by_uuid"),
            models.Index(fields=["endpoint", "native_ref"], name="machine_by_reference"),
        ]
        verbose_name = _("machine")
        verbose_name_plural = _("machines")

    def __str__(self) -> str:
        return self.name

    @property
    def last_seen_at(self) -> datetime | None:
        """By whatever look was the last to see it, whether that wrote anything or not."""
        swept_at = self.endpoint.swept_at
        if self.missing_since or self.seen_at is None or swept_at is None:
            return self.seen_at
        return max(self.seen_at, swept_at)

    @property
    def holder_name(self) -> str:
        return str(self.holder or self.team or "")


class Grant(models.Model):
    """What a share has beside guardian's columns: who gave it, and until when."""

    until = models.DateField(null=True, blank=True)
    """The last day, by the clock of whoever is granted; None is without end."""
    granted_at = models.DateTimeField(null=True, blank=True)
    granted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        abstract = True


class MachineUserPermission(Grant, UserObjectPermissionBase):
    content_object = models.ForeignKey(Machine, models.CASCADE, related_name="user_permissions")

    class Meta(UserObjectPermissionBase.Meta):
        indexes = [models.Index(fields=["user", "permission", "content_object"], name="machine_user_grant")]


class MachineGroupPermission(Grant, GroupObjectPermissionBase):
    content_object = models.ForeignKey(Machine, models.CASCADE, related_name="group_permissions")

    class Meta(GroupObjectPermissionBase.Meta):
        indexes = [models.Index(fields=["group", "permission", "content_object"], name="machine_group_grant")]


def grants_to(user: User) -> list[models.QuerySet[Any]]:
    """What is shared with this person, and what with their team, as long as it lasts. Any grant shows the machine."""
    today = clock.now().astimezone(user.tz).date()
    lasting = Q(until=None) | Q(until__gte=today)
    grants: list[models.QuerySet[Any]] = [MachineUserPermission.objects.filter(lasting, user=user).order_by()]
    if user.team_id:
        group = Team.objects.filter(pk=user.team_id).order_by().values("group")
        grants.append(MachineGroupPermission.objects.filter(lasting, group__in=group).order_by())
    return grants
