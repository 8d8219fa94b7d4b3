"""Leaving the house and coming back. What a leaver held or had to decide is seen to in `requests/leavers.py`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.audit.actions import HOUSE, Actor, record
from lifecycle.errors import Conflict, Invalid
from lifecycle.people.actions import LAST_ADMIN
from lifecycle.people.models import SignIn, Token, User
from lifecycle.people.permissions import MANAGE_PEOPLE, require
from lifecycle.people.queries import has_left, other_admins


@transaction.atomic
def set_left(person: User, *, left_on: date, by: Actor) -> User:
    """Their last day. When it has passed they are locked out: sessions and tokens end."""
    require(by, MANAGE_PEOPLE)
    person = User.objects.select_for_update().get(pk=person.pk)
    if person.is_admin and not other_admins(person):
        raise Invalid(str(LAST_ADMIN), field="left_on")
    if person.left_on == left_on:
        return person
    before, person.left_on = person.left_on, left_on
    # Who was locked out by leaving is let in again by a later day; who was locked for another reason is not.
    person.is_active = person.is_active or before is not None
    person.is_active = not has_left(person)
    person.save(update_fields=["left_on", "is_active"])
    if not person.is_active:
        end_access([person.pk])
    record("person.left", person, by=by, before=str(before or ""), after=str(left_on))
    return person


@transaction.atomic
def bring_back(person: User, *, by: Actor) -> User:
    """Somebody who left is here again. Their password still holds; tokens have to be made anew."""
    require(by, MANAGE_PEOPLE)
    person = User.objects.select_for_update().get(pk=person.pk)
    if person.is_active and person.left_on is None:
        raise Conflict(_("%(person)s has not left.") % {"person": person})
    before, person.left_on, person.is_active = person.left_on, None, True
    person.save(update_fields=["left_on", "is_active"])
    record("person.returned", person, by=by, before=str(before or ""))
    return person


def lock_out_leavers() -> list[User]:
    """Locks out whoever's last day has passed since the last look; returns them."""
    today = clock.now().date()
    due = [person for person in User.objects.filter(is_active=True, left_on__lte=today) if has_left(person)]
    for person in due:
        with transaction.atomic():
            if User.objects.filter(pk=person.pk, is_active=True, left_on=person.left_on).update(is_active=False):
                end_access([person.pk])
                record("person.locked_out", person, by=HOUSE, after=str(person.left_on))
    return due


def end_access(people: Collection[int]) -> None:
    """Nothing that they signed in with before goes on working."""
    Token.objects.filter(person__in=people, revoked_at=None).update(revoked_at=clock.now())
    sign_ins = SignIn.objects.filter(person__in=people)
    Session.objects.filter(session_key__in=list(sign_ins.values_list("session_key", flat=True))).delete()
    sign_ins.delete()
