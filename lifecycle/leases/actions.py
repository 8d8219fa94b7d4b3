"""What a holder or the clock does to a lease. Everything up to the removal itself can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.audit.actions import Actor, record
from lifecycle.catalog.models import Blueprint, usual_warnings
from lifecycle.errors import Conflict, Invalid
from lifecycle.estate import history, stages
from lifecycle.estate.models import FAR, Endpoint, Machine, Stage
from lifecycle.estate.permissions import MANAGE
from lifecycle.leases.models import Lease
from lifecycle.leases.permissions import ASSIGN_HOLDER, HOLD, RESTORE_AGAIN
from lifecycle.leases.warnings import next_warning
from lifecycle.operations.actions import cancel_waiting, order
from lifecycle.operations.models import Operation
from lifecycle.people.models import Team, User
from lifecycle.people.permissions import require
from lifecycle.people.queries import has_left, payer_for

LEAST_NOTICE = timedelta(days=1)


@dataclass(frozen=True)
class Terms:
    """How long a lease may be and what follows its end, in days."""

    max_days: int = 365
    grace_days: int = 7
    restore_days: int = 7
    warn_days: tuple[int, ...] = tuple(usual_warnings())

    @classmethod
    def of(cls, blueprint: Blueprint) -> Terms:
        return cls(blueprint.max_days, blueprint.grace_days, blueprint.restore_days, tuple(blueprint.warn_days))


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a last day ends: a fixed hour in the zone of whoever chose it."""
    return datetime.combine(day, time(settings.DAY_ENDS_AT), tzinfo=zone)


def begin(machine: Machine, *, ends_at: datetime, zone: str, terms: Terms, at: datetime) -> Lease:
    """Hands a machine over: tenure, spans and lease begin in this second. Runs inside the caller's transaction."""
    latest = at + timedelta(days=terms.max_days)
    # The wait for an approval or an endpoint may have eaten the time that was asked for.
    ends_at = min(max(ends_at, at + LEAST_NOTICE), max(latest, at + LEAST_NOTICE))
    history.begin_tenure(machine, holder=machine.holder, team=machine.team, cost_centre=machine.cost_centre, at=at)
    history.settle(machine, at=at, cause="handed_over")
    lease = Lease(
        machine=machine,
        started_at=at,
        ends_at=ends_at,
        end_set_at=at,
        zone=zone,
        latest_end=max(latest, ends_at),
        grace_days=terms.grace_days,
        restore_days=terms.restore_days,
        warn_days=list(terms.warn_days),
    )
    lease.next_warning_at = next_warning(lease, after=at)
    lease.save()
    Machine.objects.filter(pk=machine.pk).update(next_at=ends_at)
    return lease


@transaction.atomic
def adopt(
    machine: Machine, *, holder: User | None = None, team: Team | None = None, purpose: str, last_day: date, by: Actor
) -> Lease:
    """Gives a found machine a holder, a purpose and an end date. From this second on it is charged."""
    require(by, ASSIGN_HOLDER)
    check_adoption(holder=holder, team=team, purpose=purpose, last_day=last_day, by=by)
    at, zone = clock.now(), _zone_of_adoption(holder, by)
    machine = stages.move(
        machine, Stage.ACTIVE, by=by, reason=purpose,
        holder=holder, team=team, cost_centre=payer_for(holder, team), purpose=purpose.strip(),
    )  # fmt: skip
    lease = begin(machine, ends_at=end_of(last_day, zone), zone=zone.key, terms=Terms(), at=at)
    restamp(lease, by=by)
    return lease


def check_adoption(*, holder: User | None, team: Team | None, purpose: str, last_day: date, by: Actor) -> None:
    """Whether this could be the holder, the purpose and the end of a found machine. Raises Invalid for a field."""
    if (holder is None) == (team is None):
        raise Invalid(_("Choose a person or a team."), field="holder")
    if holder and has_left(holder):
        raise Invalid(_("%(person)s has left.") % {"person": holder}, field="holder")
    if not purpose.strip():
        raise Invalid(_("Say what the machine is for."), field="purpose")
    now = clock.now()
    _check_end(end_of(last_day, _zone_of_adoption(holder, by)), now=now, latest=now + timedelta(days=Terms().max_days))


def _zone_of_adoption(holder: User | None, by: Actor) -> ZoneInfo:
    """Of whoever chose the last day; where a rule did, of who is to hold it."""
    person = by if isinstance(by, User) else holder
    return person.tz if person else ZoneInfo(settings.TIME_ZONE)


@transaction.atomic
def extend(lease: Lease, *, last_day: date, by: User) -> Lease:
    """Moves the end. A machine that is just being stopped comes back; the seen end must still be the present one."""
    require(by, MANAGE, lease.machine)
    now, ends_at = clock.now(), end_of(last_day, ZoneInfo(lease.zone))
    if lease.machine.stage not in (Stage.ACTIVE, Stage.EXPIRED):
        raise Conflict(
            _("%(machine)s is %(stage)s. Restore it first.")
            % {"machine": lease.machine, "stage": lease.machine.get_stage_display()}
        )
    _check_end(ends_at, now=now, latest=lease.latest_end)
    if ends_at <= lease.ends_at and lease.machine.stage == Stage.ACTIVE:
        raise Invalid(_("It already ends on that day or later."), field="last_day")
    before = lease.ends_at
    _set_end(lease, ends_at, at=now, extensions=lease.extensions + 1)
    if lease.machine.stage == Stage.EXPIRED:
        _bring_back(lease, by=by, reason=_("extended"))
    record("lease.extended", lease, by=by, before=before.isoformat(), after=ends_at.isoformat())
    restamp(lease, by=by)
    return lease


@transaction.atomic
def restore(lease: Lease, *, by: User) -> Lease:
    """Takes a stopped machine back, with a short new end. Past the cap once; after that only an admin may."""
    require(by, MANAGE, lease.machine)
    now = clock.now()
    if lease.machine.stage not in (Stage.EXPIRED, Stage.QUARANTINED):
        raise Conflict(
            _("%(machine)s is %(stage)s; there is nothing to restore.")
            % {"machine": lease.machine, "stage": lease.machine.get_stage_display()}
        )
    ends_at = end_of((now + timedelta(days=lease.restore_days)).astimezone(by.tz).date(), by.tz)
    past_cap = ends_at > lease.latest_end
    if past_cap and lease.past_cap:
        require(by, RESTORE_AGAIN)
    _set_end(
        lease, ends_at, at=now, stopped_at=None, remove_at=None,
        latest_end=max(lease.latest_end, ends_at), past_cap=lease.past_cap or past_cap,
    )  # fmt: skip
    _bring_back(lease, by=by, reason=_("restored"))
    record("lease.restored", lease, by=by, after=ends_at.isoformat())
    restamp(lease, by=by)
    return lease


@transaction.atomic
def give_back(lease: Lease, *, by: User) -> Lease:
    """Ends the lease now: the machine is stopped and kept for its grace, as on any end."""
    require(by, MANAGE, lease.machine)
    if lease.machine.stage != Stage.ACTIVE:
        raise Conflict(
            _("%(machine)s is %(stage)s already.")
            % {"machine": lease.machine, "stage": lease.machine.get_stage_display()}
        )
    now = clock.now()
    _set_end(lease, max(now, lease.started_at + timedelta(seconds=1)), at=now)
    record("lease.given_back", lease, by=by)
    stop(lease, by=by, reason=_("given back"))
    return lease


def stop(lease: Lease, *, by: Actor, reason: str) -> None:
    """Writes the wish to stop the machine of an ended lease. Runs inside the caller's transaction."""
    stages.move(lease.machine, Stage.EXPIRED, by=by, reason=reason)
    Lease.objects.filter(pk=lease.pk).update(next_warning_at=FAR)
    _order_stop(lease, by=by, occasion=lease.ends_at)


@transaction.atomic
def hold(lease: Lease, *, by: User, reason: str) -> Lease:
    """Stands the clock of a lease still: nothing is stopped or removed until the hold is released."""
    require(by, HOLD)
    if not reason.strip():
        raise Invalid(_("Say why it is held."), field="reason")
    if not Lease.objects.filter(pk=lease.pk, held_at=None, ended_at=None).update(
        held_by=by, held_at=clock.now(), held_reason=reason.strip()[:250]
    ):
        raise Conflict(_("%(machine)s is on hold already.") % {"machine": lease.machine})
    cancel_waiting(lease.machine, by=by, reason=reason)
    lease.refresh_from_db()
    if lease.machine.stage == Stage.REMOVING and not _open_removal(lease):
        stages.move(lease.machine, Stage.QUARANTINED, by=by, reason=reason)
    record("lease.held", lease, by=by, reason=reason)
    return lease


@transaction.atomic
def release_hold(lease: Lease, *, by: User) -> Lease:
    """Lets the clock go on. Whatever fell due meanwhile is put off a day, so that nobody is taken by surprise."""
    require(by, HOLD)
    if not Lease.objects.filter(pk=lease.pk).exclude(held_at=None).update(held_by=None, held_at=None, held_reason=""):
        raise Conflict(_("%(machine)s is not on hold.") % {"machine": lease.machine})
    lease.refresh_from_db()
    now = clock.now()
    if lease.remove_at and lease.remove_at < now + LEAST_NOTICE:
        Lease.objects.filter(pk=lease.pk).update(remove_at=now + LEAST_NOTICE)
        Machine.objects.filter(pk=lease.machine_id).update(next_at=now + LEAST_NOTICE)
    elif lease.machine.stage == Stage.ACTIVE and lease.ends_at < now + LEAST_NOTICE:
        _set_end(lease, now + LEAST_NOTICE, at=now, latest_end=max(lease.latest_end, now + LEAST_NOTICE))
    elif lease.machine.stage == Stage.EXPIRED:
        _order_stop(lease, by=by, occasion=now)
    record("lease.released", lease, by=by)
    return lease


def restamp(lease: Lease, *, by: Actor) -> None:
    """Writes holder, purpose and end onto the VM again, where we may write."""
    machine = lease.machine
    if machine.endpoint.mode != Endpoint.Mode.MANAGE:
        return
    order(
        machine,
        Operation.Kind.ANNOTATE,
        purpose=Operation.Purpose.STAMP,
        by=by,
        key=f"stamp:{lease.pk}:{lease.ends_at.isoformat()}:{machine.holder_id}:{machine.team_id}",
        arguments={"holding": holding(machine, lease.ends_at)},
    )


def holding(machine: Machine, ends_at: datetime) -> dict[str, str]:
    """What stands on the VM itself."""
    return {
        "holder": machine.holder_name,
        "purpose": machine.purpose,
        "ends_on": ends_at.date().isoformat(),
        "portal_ref": f"{settings.PORTAL_URL}/machines/{machine.pk}/",
    }


def _bring_back(lease: Lease, *, by: User, reason: str) -> None:
    """To active again: what was not begun is cancelled, what runs is followed by a start."""
    cancelled = cancel_waiting(lease.machine, by=by, reason=reason)
    stages.move(lease.machine, Stage.ACTIVE, by=by, reason=reason)
    if cancelled and lease.machine.power == "on":
        return
    order(
        lease.machine,
        Operation.Kind.POWER_ON,
        purpose=Operation.Purpose.RESTORE,
        by=by,
        key=f"restore:{lease.pk}:{lease.ends_at.isoformat()}",
    )


def _order_stop(lease: Lease, *, by: Actor, occasion: datetime) -> None:
    order(
        lease.machine,
        Operation.Kind.SHUTDOWN,
        purpose=Operation.Purpose.EXPIRY,
        by=by,
        key=f"stop:{lease.pk}:{occasion.isoformat()}",
    )


def _open_removal(lease: Lease) -> bool:
    return Operation.objects.filter(
        machine=lease.machine, kind=Operation.Kind.REMOVE, state__in=Operation.OPEN
    ).exists()


def _set_end(lease: Lease, ends_at: datetime, *, at: datetime, **changes: Any) -> None:
    """Compare-and-set on the end that the caller saw."""
    seen = lease.ends_at
    lease.ends_at = ends_at
    changes |= {"ends_at": ends_at, "end_set_at": at, "next_warning_at": next_warning(lease, after=at)}
    if not Lease.objects.filter(pk=lease.pk, ends_at=seen, ended_at=None).update(**changes):
        raise Conflict(_("%(machine)s was changed a moment ago. Look again.") % {"machine": lease.machine})
    for column, value in changes.items():
        setattr(lease, column, value)
    Machine.objects.filter(pk=lease.machine_id).update(next_at=ends_at)
    lease.machine.next_at = ends_at


def _check_end(ends_at: datetime, *, now: datetime, latest: datetime) -> None:
    if ends_at <= now:
        raise Invalid(_("In the past. Choose tomorrow or later."), field="last_day")
    if ends_at > latest:
        raise Invalid(
            _("Too far. Choose %(day)s or earlier.") % {"day": last_day_within(latest, ends_at).strftime("%d %b %Y")},
            field="last_day",
        )


def last_day_within(latest: datetime, like: datetime) -> date:
    """The last day whose end is not after `latest`, in the zone of `like`."""
    local = latest.astimezone(like.tzinfo)
    day = local.date()
    return day if local.time() >= time(settings.DAY_ENDS_AT) else day - timedelta(days=1)
