"""When a holder is warned. The schedule is a list of days before the end; nothing is lost when a run is missed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Min
from django.utils.translation import gettext as _

from lifecycle.estate.models import FAR, Machine, Stage
from lifecycle.leases.models import Lease
from lifecycle.notices.actions import post
from lifecycle.notices.models import Notice
from lifecycle.people.models import User
from lifecycle.people.queries import admins, approver_for, has_left

SHORT_NOTICE = timedelta(days=2)
"""An end chosen less than this ahead is its own warning."""
LEAST_NOTICE = timedelta(days=1)


def next_warning(lease: Lease, *, after: datetime) -> datetime:
    """The next instant at which a warning about the present end is due; FAR when none is."""
    moments = (lease.ends_at - timedelta(days=days) for days in lease.warn_days)
    return min((moment for moment in moments if moment > after), default=FAR)


def warn(lease: Lease, *, now: datetime) -> None:
    """Posts the one warning that is due now, however many were missed, and sets the next."""
    left = lease.ends_at - now
    threshold = min((days for days in lease.warn_days if left <= timedelta(days=days)), default=None)
    if threshold is not None and lease.machine.stage == Stage.ACTIVE:
        for person in recipients(lease.machine):
            post(
                person,
                "lease_ends",
                key=f"{_prefix(lease)}{threshold}:{person.pk}",
                subject=_("%(machine)s stops on %(day)s")
                % {"machine": lease.machine, "day": lease.ends_at.astimezone(person.tz).strftime("%d %b %Y")},
                context={"machine": lease.machine.name, "ends_at": lease.ends_at.isoformat(), "zone": person.zone},
                path=f"/machines/{lease.machine_id}/",
            )
    Lease.objects.filter(pk=lease.pk, ends_at=lease.ends_at).update(next_warning_at=next_warning(lease, after=now))


def warned_in_time(lease: Lease, *, now: datetime) -> bool:
    """Whether a warning about the present end really left at least a day ago, or the end was its own warning."""
    if lease.ends_at - lease.end_set_at < SHORT_NOTICE:
        return True
    first = Notice.objects.filter(key__startswith=_prefix(lease)).aggregate(first=Min("sent_at"))["first"]
    return first is not None and first <= now - LEAST_NOTICE


def recipients(machine: Machine) -> Iterable[User]:
    """Who hears of a machine: its holder, the holding team's people, or the admins when nobody is left."""
    if machine.holder and not has_left(machine.holder):
        return [machine.holder]
    members = [person for person in machine.team.members.all() if not has_left(person)] if machine.team else []
    if members:
        return members
    successor = approver_for(machine.holder) if machine.holder else None
    return [successor] if successor else list(admins())


def _prefix(lease: Lease) -> str:
    return f"lease_ends:{lease.pk}:{lease.ends_at.isoformat()}:"
