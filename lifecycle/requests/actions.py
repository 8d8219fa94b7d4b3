"""Asking for a machine, deciding on it, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from lifecycle import clock
from lifecycle.audit.actions import HOUSE, record
from lifecycle.catalog.models import Blueprint, Size
from lifecycle.errors import Conflict, Invalid, InvalidMany
from lifecycle.leases.actions import end_of
from lifecycle.money.quotes import quote
from lifecycle.notices.actions import post
from lifecycle.people.models import User
from lifecycle.people.permissions import require
from lifecycle.people.queries import approver_for, payer_for
from lifecycle.requests import provisioning, seeding
from lifecycle.requests.asking import tell_deciders
from lifecycle.requests.checks import check_draft
from lifecycle.requests.models import Request, Step
from lifecycle.requests.permissions import ASK, DECIDE, WITHDRAW

LAPSES_AFTER = timedelta(days=14)

State = Request.State


@sensitive_variables()
def submit(
    *,
    blueprint: Blueprint,
    size: Size,
    name: str,
    purpose: str,
    last_day: date,
    for_team: bool = False,
    hostname: str = "",
    ssh_keys: Sequence[str] | None = None,
    user_data: str = "",
    key: str,
    by: User,
) -> Request:
    """Asks for a machine, for oneself or one's team. A second call with the same key returns the first request.

    What the guest is told at its first start: its name where no other is given, the account's keys where none are.

    Raises InvalidMany with a sentence per field; nothing is written then.
    """
    require(by, ASK)
    if (known := Request.objects.filter(key=key, requester=by).first()) is not None:
        return known
    now = clock.now()
    ends_at = end_of(last_day, by.tz)
    told = seeding.told(blueprint, name=name, hostname=hostname, ssh_keys=ssh_keys, user_data=user_data, by=by)
    check_draft(
        blueprint=blueprint, size=size, name=name, purpose=purpose, ends_at=ends_at, team=for_team, told=told, by=by,
        now=now,
    )  # fmt: skip
    request = _drawn_up(
        blueprint, size, for_team=for_team, now=now, ends_at=ends_at, by=by, name=name, purpose=purpose.strip(),
        last_day=last_day, key=key, **(seeding.columns(told) if told else {}),
    )  # fmt: skip
    try:
        with transaction.atomic():
            request.seed = seeding.keep(told) if told else None
            request.save()
            record("request.submitted", request, by=by, reason=request.purpose, cents_per_month=request.cents_per_month)
            _ask_for_decision(request, by=by)
    except IntegrityError:
        # Two submissions raced past the checks: the same form twice, or the same name.
        if (known := Request.objects.filter(key=key, requester=by).first()) is not None:
            return known
        raise InvalidMany({"name": _("Somebody asked for this name a moment ago. Choose another.")}) from None
    return request


def _drawn_up(
    blueprint: Blueprint, size: Size, *, for_team: bool, now: datetime, ends_at: datetime, by: User, **asked: Any
) -> Request:
    """Who is to hold it and who pays, at the price of this moment; not written yet."""
    price = quote(vcpus=size.vcpus, memory_mib=size.memory_mib, disk_mib=size.disk_mib, starts_at=now, ends_at=ends_at)
    team = by.team if for_team else None
    return Request(
        requester=by,
        holder=None if team else by,
        team=team,
        cost_centre=payer_for(by, team),
        blueprint=blueprint,
        size=size,
        vcpus=size.vcpus,
        memory_mib=size.memory_mib,
        disk_mib=size.disk_mib,
        ends_at=ends_at,
        cents_per_month=price.cents_per_month,
        cents_until_end=price.cents_until_end,
        rate_card=price.card,
        created_at=now,
        lapses_at=min(now + LAPSES_AFTER, ends_at),
        **asked,
    )


def _ask_for_decision(request: Request, *, by: User) -> None:
    if request.blueprint.approval == Blueprint.Approval.NONE:
        record("request.approved", request, by=HOUSE, reason=_("This blueprint needs no decision."))
        provisioning.provision(request, by=by)
        return
    approver = approver_for(by)
    tell_deciders(request, Step.objects.create(request=request, approver=approver))


@transaction.atomic
def approve(request: Request, *, by: User, comment: str = "", cents_seen: int | None = None) -> Request:
    """Allows the request and has the machine built. `cents_seen` is the total that the approver was shown."""
    step = _decide(request, Step.State.APPROVED, by=by, comment=comment)
    if cents_seen is not None and cents_seen != request.cents_until_end:
        raise Conflict(_("The price is no longer what you saw. Look again."))
    record("request.approved", request, by=by, reason=comment, step=step.pk)
    provisioning.provision(request, by=by)
    return request


@transaction.atomic
def refuse(request: Request, *, by: User, comment: str) -> Request:
    """Refuses the request; the requester reads why."""
    if not comment.strip():
        raise Invalid(_("Say why you refuse; the requester will read it."), field="comment")
    _decide(request, Step.State.REFUSED, by=by, comment=comment)
    _end(request, State.REFUSED)
    record("request.refused", request, by=by, reason=comment)
    _tell_requester(
        request, "refused", _("%(who)s refused %(machine)s") % {"who": by, "machine": request.name}, comment
    )
    return request


@transaction.atomic
def cancel(request: Request, *, by: User) -> Request:
    """Withdraws a request. What is being built for it is taken back: the machine goes before anybody pays for it."""
    require(by, WITHDRAW, request)
    if request.state == State.BUILDING:
        return provisioning.take_back(request, by=by)
    if request.state != State.WAITING:
        raise Conflict(_("It is %(state)s; it cannot be withdrawn any more.") % {"state": request.get_state_display()})
    _void(request)
    _end(request, State.CANCELLED)
    record("request.cancelled", request, by=by)
    return request


def lapse() -> int:
    """Ends requests that nobody decided in time; the requester can ask again at the prices of the day."""
    lapsed = 0
    for request in Request.objects.filter(state=State.WAITING, lapses_at__lte=clock.now()).select_related("requester"):
        try:
            with transaction.atomic():
                _void(request)
                _end(request, State.LAPSED)
                record("request.lapsed", request, by=HOUSE)
                subject = _("Nobody decided on %(machine)s") % {"machine": request.name}
                _tell_requester(request, "lapsed", subject, "")
        except Conflict:
            continue
        lapsed += 1
    return lapsed


def _decide(request: Request, state: Step.State, *, by: User, comment: str) -> Step:
    """Writes the decision by compare-and-set; a second or late one learns who decided and when."""
    step = may_decide(request, by=by)
    done = Step.objects.filter(pk=step.pk, state=Step.State.WAITING).update(
        state=state, decided_by=by, decided_at=clock.now(), comment=comment.strip()
    )
    if not done:
        raise already_decided(request)
    step.refresh_from_db()
    request.refresh_from_db()
    return step


def may_decide(request: Request, *, by: User) -> Step:
    """The step this person may decide. Raises Forbidden, or Conflict when it was decided already."""
    require(by, DECIDE, request)
    step = request.last_step
    if step is None or request.state != State.WAITING or step.state != Step.State.WAITING:
        raise already_decided(request)
    return step


def already_decided(request: Request) -> Conflict:
    request.refresh_from_db()
    step = request.steps.exclude(decided_by=None).select_related("decided_by").last()
    if step is None or step.decided_at is None:
        return Conflict(_("This request is %(state)s; nothing was changed.") % {"state": request.get_state_display()})
    when = timezone.localtime(step.decided_at).strftime("%d %b %Y, %H:%M %Z")
    return Conflict(
        _("%(who)s already decided on %(when)s: %(state)s. Nothing was changed.")
        % {"who": step.decided_by, "when": when, "state": step.get_state_display()}
    )


def _void(request: Request) -> None:
    """The step before its request, as a decision has them: whoever comes second waits, and neither for the other."""
    request.steps.filter(state=Step.State.WAITING).update(state=Step.State.VOID)


def _end(request: Request, state: State) -> None:
    now = clock.now()
    changes = {"state": state, "decided_at": now, "ended_at": now}
    if not Request.objects.filter(pk=request.pk, state=State.WAITING).update(**changes):
        raise already_decided(request)
    request.state, request.decided_at, request.ended_at = state, now, now
    seeding.forget(request)


def _tell_requester(request: Request, kind: str, subject: str, words: str) -> None:
    post(
        request.requester,
        f"request_{kind}",
        key=f"request_{kind}:{request.pk}",
        subject=subject,
        context={"machine": request.name, "words": words},
        path=f"/requests/{request.pk}/",
    )
