"""What a request must satisfy before it is written: every rule is asked, so that all answers come at once."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from lifecycle.catalog.models import Blueprint, Size
from lifecycle.errors import InvalidMany
from lifecycle.estate.models import Machine
from lifecycle.leases.actions import last_day_within
from lifecycle.people.models import User
from lifecycle.people.queries import has_left
from lifecycle.requests.models import Request
from lifecycle.requests.seeding import Told

NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?")
"""A host name that every hypervisor and DNS take."""
LONGEST_PURPOSE = 1000


def check_draft(
    *,
    blueprint: Blueprint,
    size: Size,
    name: str,
    purpose: str,
    ends_at: datetime,
    team: bool,
    told: Told | None,
    by: User,
    now: datetime,
) -> None:
    """Raises InvalidMany with a sentence per field."""
    problems = {
        "blueprint": _check_blueprint(blueprint),
        "size": _check_size(blueprint, size),
        "name": check_name(name),
        "purpose": _check_purpose(purpose),
        "last_day": check_last_day(blueprint, ends_at, now=now),
        "holder": _check_holder(by, team),
        **(told.problems if told else {}),
    }
    if found := {field: sentence for field, sentence in problems.items() if sentence}:
        raise InvalidMany(found)


def check_name(name: str) -> str:
    """The sentence that is wrong with a name, or nothing."""
    if not NAME.fullmatch(name):
        return _("Lower case letters, digits and hyphens, up to 40, beginning with a letter.")
    taken = Machine.objects.live().filter(name=name).select_related("holder", "team").first()
    if taken is not None:
        holder = taken.holder_name or _("a machine that nobody holds")
        return _("Taken by %(holder)s. Try %(free)s.") % {"holder": holder, "free": _free_name(name)}
    if Request.objects.filter(name=name, state__in=Request.OPEN).exists():
        return _("Somebody has asked for this name. Try %(free)s.") % {"free": _free_name(name)}
    return ""


def _free_name(name: str) -> str:
    stem = re.sub(r"-\d+$", "", name)[:36]
    # In either case: machines that were found have capitals, and the index of the search helps with this form only.
    taken = set(Machine.objects.live().filter(name__istartswith=stem).values_list("name", flat=True))
    taken |= set(Request.objects.filter(name__startswith=stem, state__in=Request.OPEN).values_list("name", flat=True))
    return next(free for number in range(2, 10_000) if (free := f"{stem}-{number}") not in taken)


def _check_blueprint(blueprint: Blueprint) -> str:
    if not blueprint.offered or blueprint.image.gone or blueprint.pool.gone:
        return _("%(blueprint)s is not offered any more.") % {"blueprint": blueprint}
    return ""


def _check_size(blueprint: Blueprint, size: Size) -> str:
    if not blueprint.sizes.filter(pk=size.pk).exists():
        return _("%(blueprint)s is not offered in this size.") % {"blueprint": blueprint}
    if size.disk_mib < blueprint.image.disk_mib:
        return _("The system disk of this size is smaller than the image.")
    return ""


def _check_purpose(purpose: str) -> str:
    if not purpose.strip():
        return _("Say what the machine is for; your approver reads this.")
    if len(purpose) > LONGEST_PURPOSE:
        return _("Keep it under %(limit)s characters.") % {"limit": LONGEST_PURPOSE}
    return ""


def check_last_day(blueprint: Blueprint, ends_at: datetime, *, now: datetime) -> str:
    """The sentence that is wrong with an end, or nothing."""
    if ends_at <= now:
        tomorrow = now.astimezone(ends_at.tzinfo).date() + timedelta(days=1)
        return _("In the past. Choose %(day)s or later.") % {"day": tomorrow.strftime("%d %B %Y")}
    latest = now + timedelta(days=blueprint.max_days)
    if ends_at > latest:
        return _("%(blueprint)s is leased for %(days)s days at most. Choose %(day)s or earlier.") % {
            "blueprint": blueprint,
            "days": blueprint.max_days,
            "day": last_day_within(latest, ends_at).strftime("%d %B %Y"),
        }
    return ""


def _check_holder(by: User, team: bool) -> str:
    if has_left(by):
        return _("You have left; machines cannot be held by you any more.")
    if team and by.team is None:
        return _("You are in no team. Hold it yourself, or ask an administrator to add you to one.")
    if not team and by.cost_centre is None and by.team is None:
        return _("You have no cost centre to charge. Ask an administrator to give you one.")
    return ""
