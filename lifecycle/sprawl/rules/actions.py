"""What an administrator does with rules. Each change is recorded; what is managed elsewhere is marked at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.audit.actions import record
from lifecycle.errors import Conflict, InvalidMany
from lifecycle.leases.actions import Terms
from lifecycle.people.models import User
from lifecycle.people.permissions import require
from lifecycle.people.queries import has_left
from lifecycle.sprawl.adoption import Adopted, adopt_many
from lifecycle.sprawl.asking import ask_attribution
from lifecycle.sprawl.models import EstateRule
from lifecycle.sprawl.permissions import MAKE_RULES
from lifecycle.sprawl.rules.managed import mark_managed
from lifecycle.sprawl.rules.queries import matches

Effect = EstateRule.Effect

CONDITIONS = ("endpoint", "machine_name", "folder", "label", "network")
FIELDS = ("name", "effect", *CONDITIONS, "person", "team", "purpose", "lease_days", "managed_by")
MOST_AT_ONCE = 500
"""Machines that are given a holder by one press; the next gives the next ones."""


def drafted(rule: EstateRule | None = None, **fields: Any) -> EstateRule:
    """A rule as it would be, checked and not saved. Raises InvalidMany with the sentence of each field."""
    draft = EstateRule(pk=rule.pk if rule else None)
    draft._state.adding = rule is None  # its own name is not taken
    for name in FIELDS:
        value = fields.get(name, getattr(rule, name) if rule else getattr(draft, name))
        setattr(draft, name, value.strip() if isinstance(value, str) else value)
    if problems := _problems(draft):
        raise InvalidMany(problems)
    return draft


@transaction.atomic
def add_rule(*, by: User, **fields: Any) -> EstateRule:
    require(by, MAKE_RULES)
    rule = drafted(**fields)
    rule.made_by, rule.made_at = by, clock.now()
    rule.save(force_insert=True)
    record("rule.added", rule, by=by, **_told(rule))
    _follow(rule)
    return rule


@transaction.atomic
def change_rule(rule: EstateRule, *, by: User, **fields: Any) -> EstateRule:
    require(by, MAKE_RULES)
    rule = EstateRule.objects.select_for_update(of=("self",)).get(pk=rule.pk)
    changed = drafted(rule, **fields)
    before, after = _told(rule), _told(changed)
    names = [name for name in FIELDS if before.get(name) != after.get(name)]
    if not names:
        return rule
    for name in FIELDS:
        setattr(rule, name, getattr(changed, name))
    rule.save(update_fields=FIELDS)
    record("rule.changed", rule, by=by, changed=names, before=before, after=after)
    _follow(rule, was=str(before["effect"]))
    return rule


@transaction.atomic
def set_enabled(rule: EstateRule, enabled: bool, *, by: User) -> EstateRule:
    """In force, or resting. Doing it twice does no harm."""
    require(by, MAKE_RULES)
    if EstateRule.objects.filter(pk=rule.pk).exclude(enabled=enabled).update(enabled=enabled):
        rule.refresh_from_db()
        record("rule.enabled" if enabled else "rule.disabled", rule, by=by)
        _follow(rule)
    return rule


@transaction.atomic
def remove_rule(rule: EstateRule, *, by: User) -> None:
    require(by, MAKE_RULES)
    rule = EstateRule.objects.select_for_update(of=("self",)).get(pk=rule.pk)
    record("rule.removed", rule, by=by, **_told(rule))
    rule.delete()
    _follow(rule)


def apply_rule(rule: EstateRule, *, by: User) -> list[Adopted]:
    """Gives machines that fit their holder, each for itself: what cannot be given says why."""
    require(by, MAKE_RULES)
    if rule.effect != Effect.ADOPT or not rule.enabled:
        raise Conflict(_("This rule gives no machine a holder."))
    last_day = clock.now().astimezone(by.tz).date() + timedelta(days=rule.lease_days or 1)
    machines = matches(rule, most=MOST_AT_ONCE).machines
    given = adopt_many(
        machines, holder=rule.person, team=rule.team, purpose=rule.purpose, last_day=last_day, by=by
    )  # fmt: skip
    with transaction.atomic():
        done = sum(each.lease is not None for each in given)
        record("rule.applied", rule, by=by, given=done, not_given=len(given) - done)
    return given


def _follow(rule: EstateRule, *, was: str = "") -> None:
    if Effect.MANAGED in (rule.effect, was):
        mark_managed()
    ask_attribution()


def _problems(draft: EstateRule) -> dict[str, str]:
    problems = _of_columns(draft)
    if not any(getattr(draft, name) for name in CONDITIONS):
        problems.setdefault("machine_name", _("Say which machines: by name, folder, label, network or endpoint."))
    if draft.effect == Effect.MANAGED:
        draft.person, draft.team, draft.purpose, draft.lease_days = None, None, "", None
        if not draft.managed_by:
            problems.setdefault("managed_by", _("Say what manages them."))
        return problems
    draft.managed_by = ""
    if (draft.person is None) == (draft.team is None):
        problems.setdefault("person", _("Choose a person or a team."))
    elif draft.person and has_left(draft.person):
        problems.setdefault("person", _("%(person)s has left.") % {"person": draft.person})
    if draft.effect == Effect.ADOPT:
        problems = _of_leases(draft) | problems
    else:
        draft.purpose, draft.lease_days = "", None
    return problems


def _of_leases(draft: EstateRule) -> dict[str, str]:
    problems = {}
    if not draft.purpose:
        problems["purpose"] = _("Say what the machines are for.")
    most = Terms().max_days
    if not 1 <= (draft.lease_days or 0) <= most:
        problems["lease_days"] = _("From 1 to %(n)s days.") % {"n": most}
    return problems


def _of_columns(draft: EstateRule) -> dict[str, str]:
    """Length, choices, and whether the name is taken."""
    try:
        draft.full_clean(exclude=["made_by", "made_at", "person", "team", "endpoint", "lease_days"])
    except ValidationError as error:
        return {name: sentences[0] for name, sentences in error.message_dict.items() if name in FIELDS}
    return {}


def _told(rule: EstateRule) -> dict[str, str]:
    """What it says, in words for the record."""
    return {name: str(value) for name in FIELDS if name != "name" if (value := getattr(rule, name)) not in (None, "")}
