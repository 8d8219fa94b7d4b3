"""Sharing a machine with a person or a team: to see, operate or manage it, with or without a last day."""

from __future__ import annotations

import uuid
from datetime import date, tzinfo

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.audit.actions import record
from lifecycle.errors import Conflict, Invalid
from lifecycle.estate.models import ENDED, Level, Machine, MachineGroupPermission, MachineUserPermission
from lifecycle.estate.permissions import MANAGE, WITHDRAW_SHARE, may_share_until
from lifecycle.estate.shares import Grant, Recipient, Share, grant_of
from lifecycle.notices.actions import post
from lifecycle.people.models import Team, User
from lifecycle.people.permissions import require
from lifecycle.people.queries import has_left
from lifecycle.people.roles import Right, has

ENDED_KIND = "machine_share_withdrawn"


@transaction.atomic
def share(machine: Machine, *, recipient: Recipient, level: Level, until: date | None = None, by: User) -> Share:
    """Lets a person or a team see, operate or manage the machine. Twice is told; one that ended begins anew."""
    require(by, MANAGE, machine)
    machine = Machine.objects.select_for_update(of=("self",)).select_related("holder", "team").get(pk=machine.pk)
    _check_recipient(machine, recipient, by)
    _check_until(machine, recipient, until, by)
    if (standing := grant_of(machine, recipient)) is not None:
        known = Share.of(standing, recipient)
        if not known.ended:
            raise Conflict(_("It is shared with %(who)s already. Change that instead.") % {"who": recipient})
        standing.delete()
    grant = _new_grant(machine, recipient)
    _write(grant, level, until, by)
    record("machine.shared", machine, by=by, recipient=str(recipient), level=level.value, until=_day(until))
    shared = Share.of(grant, recipient)
    _tell(machine, shared, "machine_shared", _("%(who)s shares %(machine)s with you"), by=by)
    return shared


@transaction.atomic
def change_share(machine: Machine, *, recipient: Recipient, level: Level, until: date | None, by: User) -> Share:
    """Another level, another last day."""
    require(by, MANAGE, machine)
    machine = Machine.objects.select_for_update(of=("self",)).select_related("holder", "team").get(pk=machine.pk)
    grant = _standing(machine, recipient)
    _check_recipient(machine, recipient, by)
    _check_until(machine, recipient, until, by)
    if (grant.permission.codename, grant.until) == (level.value, until):
        return Share.of(grant, recipient)
    _write(grant, level, until, by)
    record("machine.share_changed", machine, by=by, recipient=str(recipient), level=level.value, until=_day(until))
    shared = Share.of(grant, recipient)
    _tell(machine, shared, "machine_shared", _("%(who)s changed how %(machine)s is shared with you"), by=by)
    return shared


@transaction.atomic
def withdraw_share(machine: Machine, *, recipient: Recipient, by: User) -> None:
    """Ends it now. Whoever it was shared with may give it up themselves."""
    require(by, WITHDRAW_SHARE, (machine, recipient))
    machine = Machine.objects.select_for_update().get(pk=machine.pk)
    grant = _standing(machine, recipient)
    grant.delete()
    record("machine.share_withdrawn", machine, by=by, recipient=str(recipient))
    _tell(machine, Share.of(grant, recipient), ENDED_KIND, _("%(machine)s is no longer shared with you"), by=by)


def _check_recipient(machine: Machine, recipient: Recipient, by: User) -> None:
    if machine.stage in ENDED or not machine.holder_name:
        raise Conflict(_("Nobody holds %(machine)s, so nobody can share it.") % {"machine": machine})
    if recipient == by:
        raise Invalid(_("You have it already. Choose somebody else."), field="recipient")
    if recipient in (machine.holder, machine.team):
        raise Invalid(_("%(who)s holds it already.") % {"who": recipient}, field="recipient")
    if isinstance(recipient, User) and has_left(recipient):
        raise Invalid(_("%(who)s has left.") % {"who": recipient}, field="recipient")
    if isinstance(recipient, User) and not has(recipient, Right.ACT):
        raise Invalid(
            _("%(who)s is an auditor, who sees every machine and changes none.") % {"who": recipient}, field="recipient"
        )


def _check_until(machine: Machine, recipient: Recipient, until: date | None, by: User) -> None:
    today = clock.now().astimezone(_zone(recipient, by)).date()
    if until is not None and until < today:
        raise Invalid(_("In the past. Choose today or later."), field="until")
    if not may_share_until(by, machine, until):
        raise Invalid(_("Not longer than it is shared with you."), field="until")


def _zone(recipient: Recipient, by: User) -> tzinfo:
    return recipient.tz if isinstance(recipient, User) else by.tz


def _standing(machine: Machine, recipient: Recipient) -> Grant:
    grant = grant_of(machine, recipient)
    if grant is None:
        raise Conflict(_("It is not shared with %(who)s any more.") % {"who": recipient})
    return grant


def _new_grant(machine: Machine, recipient: Recipient) -> Grant:
    if isinstance(recipient, User):
        return MachineUserPermission(content_object=machine, user=recipient)
    return MachineGroupPermission(content_object=machine, group=_group_of(recipient))


def _group_of(team: Team) -> Group:
    """Made with the first share. Nobody is ever put into it: who is in the team is asked of the team."""
    team = Team.objects.select_for_update(of=("self",)).select_related("group").get(pk=team.pk)
    if team.group is None:
        team.group = Group.objects.create(name=f"team {team.pk} {uuid.uuid4().hex[:8]}")
        team.save(update_fields=["group"])
    return team.group


def _write(grant: Grant, level: Level, until: date | None, by: User) -> None:
    grant.permission = Permission.objects.get(content_type__app_label="lifecycle", codename=level)
    grant.until, grant.granted_at, grant.granted_by = until, clock.now(), by
    grant.save()


def _tell(machine: Machine, shared: Share, kind: str, subject: str, *, by: User) -> None:
    """Everybody concerned, but not whoever did it."""
    now = clock.now()
    people = [shared.person] if shared.person else shared.team.members.filter(is_active=True) if shared.team else []
    for person in people:
        if person.pk != by.pk and not has_left(person):
            post(
                person,
                kind,
                key=f"{kind}:{machine.pk}:{person.pk}:{now.isoformat()}",
                subject=subject % {"who": by, "machine": machine.name},
                context={"machine": machine.name, "level": shared.level.value, "until": _day(shared.until)},
                # What is no longer shared has no page for them.
                path="/machines/" if kind == ENDED_KIND else f"/machines/{machine.pk}/",
                at=now,
            )


def _day(until: date | None) -> str:
    return until.isoformat() if until else ""
