"""What people change about their own account."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from lifecycle.audit.actions import record
from lifecycle.errors import Invalid
from lifecycle.people.models import User, validate_zone
from lifecycle.people.permissions import KEEP_ACCOUNT, require


@sensitive_variables("password")
def change_password(person: User, *, password: str, by: User) -> User:
    """The caller has made sure that the person knows the present one. Other sessions end with it."""
    require(by, KEEP_ACCOUNT, person)
    if person.check_password(password):
        raise Invalid(_("This is the present password."), field="password")
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), field="password") from None
    with transaction.atomic():
        person.set_password(password)
        person.save(update_fields=["password"])
        record("person.password_changed", person, by=by)
    return person


def set_zone(person: User, zone: str, *, by: User) -> User:
    """In which zone they read times. The same zone again does nothing."""
    require(by, KEEP_ACCOUNT, person)
    try:
        validate_zone(zone)
    except ValidationError:
        raise Invalid(_("There is no such time zone."), field="zone") from None
    with transaction.atomic():
        before = person.zone
        if User.objects.filter(pk=person.pk).exclude(zone=zone).update(zone=zone):
            record("person.zone_set", person, by=by, before=before, after=zone)
    person.zone = zone
    return person
