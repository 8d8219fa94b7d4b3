"""Setting from when on something is a finding, for one pool or for all that have no limit of their own."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils.translation import gettext as _

from lifecycle.audit.actions import record
from lifecycle.errors import Invalid, InvalidMany
from lifecycle.estate.models import Pool
from lifecycle.people.models import User
from lifecycle.people.permissions import require
from lifecycle.sprawl.models import Threshold
from lifecycle.sprawl.permissions import SET_THRESHOLDS
from lifecycle.sprawl.thresholds import OF_NO_POOL, RANGES


def set_thresholds(pool: Pool | None, values: Mapping[str, int | None], *, by: User, reason: str) -> list[str]:
    """Sets what is named, and leaves the rest; None takes a limit back, so that the default or the general one holds.

    Returns the names of what changed. What is set already is not set again.
    """
    require(by, SET_THRESHOLDS)
    _check(pool, values, reason)
    with transaction.atomic():
        rows = Threshold.objects.select_for_update().filter(pool=pool).order_by("pk")
        standing = {threshold.name: threshold for threshold in rows}
        changed = []
        for name, value in values.items():
            before = standing[name].value if name in standing else None
            if value != before:
                _set(standing.get(name) or Threshold(pool=pool, name=name), value, before, by=by, reason=reason.strip())
                changed.append(name)
    return changed


def _check(pool: Pool | None, values: Mapping[str, int | None], reason: str) -> None:
    problems = {}
    for name, value in values.items():
        if name not in RANGES:
            problems[name] = _("There is no such limit.")
        elif pool and name in OF_NO_POOL:
            problems[name] = _("This is one for all: what it is about belongs to no pool.")
        elif value is not None and not RANGES[name][0] <= value <= RANGES[name][1]:
            least, most = RANGES[name]
            problems[name] = _("Between %(least)s and %(most)s.") % {"least": least, "most": most}
    if problems:
        raise InvalidMany(problems)
    if not reason.strip():
        raise Invalid(_("Say why."), field="reason")


def _set(threshold: Threshold, value: int | None, before: int | None, *, by: User, reason: str) -> None:
    detail = {"limit": threshold.name, "pool": str(threshold.pool or _("all pools")), "before": before, "after": value}
    if value is None:
        record("threshold.taken_back", threshold, by=by, reason=reason, **detail)
        threshold.delete()
    else:
        threshold.value = value
        threshold.save()
        record("threshold.set", threshold, by=by, reason=reason, **detail)
