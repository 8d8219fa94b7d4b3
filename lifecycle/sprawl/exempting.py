"""Saying that something is no finding: with a reason, by somebody, and until a day."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.audit.actions import record
from lifecycle.errors import Conflict, Invalid
from lifecycle.estate.models import DiskFile, Image, Machine, Pool
from lifecycle.people.models import User
from lifecycle.people.permissions import require
from lifecycle.sprawl import counting
from lifecycle.sprawl.exemptions import in_force
from lifecycle.sprawl.models import Exemption, Finding, Kind
from lifecycle.sprawl.permissions import EXEMPT
from lifecycle.sprawl.subjects import column_of

Subject = Machine | DiskFile | Image | Pool

COLUMNS: dict[type[Subject], str] = {Machine: "machine", DiskFile: "disk_file", Image: "image", Pool: "pool"}
LONGEST = timedelta(days=366)
"""Nothing is forgotten for ever: after a year somebody looks again."""


def exempt(subject: Subject, *, kind: Kind | None, reason: str, ends_on: date, by: User) -> Exemption:
    """From now on, and through its last day, this kind of finding about it does not count; without a kind, none does.

    A pool exempts its machines. What stands open disappears from reports at once.
    """
    require(by, EXEMPT, subject)
    column, at = COLUMNS[type(subject)], clock.now()
    ends_at = _end(ends_on, at, by)
    if kind and column_of(kind) != ("machine" if column == "pool" else column):
        raise Invalid(_("This kind of finding is not about such a thing."), field="kind")
    if not reason.strip():
        raise Invalid(_("Say why."), field="reason")
    with transaction.atomic():
        # Two at the same moment would both stand.
        type(subject)._default_manager.select_for_update().values_list("pk").get(pk=subject.pk)
        _refuse_twice(column, subject, kind, at)
        exemption = Exemption.objects.create(
            **{column: subject}, kind=kind or "", reason=reason.strip()[:500], by=by, at=at, ends_at=ends_at
        )
        about = _about(exemption)
        Finding.objects.filter(about, ended_at=None, exemption=None).update(exemption=exemption)
        counting.settle(_among(exemption))
        record(
            f"{_called(subject)}.exempted", subject, by=by, reason=exemption.reason,
            kind=str(Kind(kind).label) if kind else _("everything"), ends_on=ends_on.isoformat(),
        )  # fmt: skip
    return exemption


def end_exemption(exemption: Exemption, *, by: User) -> Exemption:
    """Takes it back before its end. What stands open shows again at once."""
    require(by, EXEMPT)
    now = clock.now()
    with transaction.atomic():
        if not in_force(now).filter(pk=exemption.pk).update(ended_at=now):
            raise Conflict(_("This exemption has ended already."))
        exemption.refresh_from_db()
        Finding.objects.filter(exemption=exemption, ended_at=None).update(exemption=None)
        counting.settle(_among(exemption))
        subject = subject_of(exemption)
        kind = exemption.get_kind_display() or _("everything")
        record(f"{_called(subject)}.exemption_ended", subject, by=by, kind=str(kind))
    return exemption


def subject_of(exemption: Exemption) -> Subject:
    found = exemption.machine or exemption.disk_file or exemption.image or exemption.pool
    assert found is not None  # noqa: S101 - exemption_has_one_subject
    return found


def _end(ends_on: date, at: datetime, by: User) -> datetime:
    """The end of that day, where whoever says so is."""
    ends_at = datetime.combine(ends_on + timedelta(days=1), time(), by.tz)
    if ends_at <= at:
        raise Invalid(_("Choose a day that is not over."), field="ends_on")
    if ends_at > at + LONGEST + timedelta(days=1):
        raise Invalid(_("Choose a day within a year: then somebody looks again."), field="ends_on")
    return ends_at


def _refuse_twice(column: str, subject: Subject, kind: Kind | None, at: datetime) -> None:
    standing = in_force(at).filter((column, subject.pk), kind__in=("", kind or "")).order_by("-ends_at").first()
    if standing:
        day = standing.last_moment.astimezone(standing.by.tz).date()
        raise Conflict(_("It is exempt already, by %(by)s until %(day)s.") % {"by": standing.by, "day": day})


def _about(exemption: Exemption) -> Q:
    """The findings that it is about."""
    return _among(exemption) & (Q(kind=exemption.kind) if exemption.kind else Q())


def _among(exemption: Exemption) -> Q:
    if exemption.pool_id:
        return Q(machine__pool=exemption.pool_id)
    return Q(machine=exemption.machine_id, disk_file=exemption.disk_file_id, image=exemption.image_id)


def _called(subject: Subject) -> str:
    return {"disk_file": "diskfile"}.get(column := COLUMNS[type(subject)], column)
