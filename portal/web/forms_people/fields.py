"""Somebody, by what people call them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from lifecycle.people.models import User
from lifecycle.people.queries import people_called

MOST = 300
"""People offered while typing; whoever is not among them is found by name all the same."""
PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class PersonField(forms.CharField):
    """A person by user name, mail address or full name; nobody when it is left empty."""

    widget = forms.TextInput(attrs=PLAIN | {"list": "people"})

    def prepare_value(self, value: Any) -> Any:
        return value.username if isinstance(value, User) else value

    def clean(self, value: Any) -> User | None:
        text = super().clean(value).strip()
        if not text:
            return None
        people = people_called(text)
        if len(people) > 1:
            raise ValidationError(_("More than one person is called that. Enter the user name."))
        if not people:
            raise ValidationError(_("Nobody here is called that. Enter a user name or a mail address."))
        return people[0]


def offered_people() -> list[tuple[str, str]]:
    """User name and words of what the field offers while typing. One query."""
    people = User.objects.filter(is_active=True, left_on=None).order_by("last_name", "first_name")[:MOST]
    return [(person.username, str(person)) for person in people]
