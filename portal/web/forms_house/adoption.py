"""Who shall hold a machine that was found, for what and until when."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.people.models import Team, User
from lifecycle.people.queries import people_called
from portal.web.forms import Words
from portal.web.forms.days import DayField

MOST = 300
"""People offered while typing; whoever is not among them is found by name all the same."""


class HolderField(Words):
    """A person by user name, mail address or full name, or a team by its name."""

    def clean(self, value: Any) -> dict[str, User | Team]:
        text = super().clean(value).strip()
        if not text:
            raise ValidationError(_("Say who shall hold it: a person or a team."))
        people = people_called(text)
        if len(people) > 1:
            raise ValidationError(_("More than one person is called that. Enter the user name."))
        if people:
            return {"holder": people[0]}
        if team := Team.objects.select_related("cost_centre").filter(name__iexact=text).first():
            return {"team": team}
        raise ValidationError(_("Nobody here is called that. Enter a user name, a mail address or a team’s name."))


class AdoptionForm(forms.Form):
    use_required_attribute = False

    holder = HolderField(
        label=lazy("Person or team"),
        widget=forms.TextInput(attrs={"list": "holders", "autocomplete": "off", "spellcheck": "false"}),
        help_text=lazy("A user name, a mail address, a full name or a team’s name."),
    )
    purpose = Words(label=lazy("Purpose"), widget=forms.Textarea(attrs={"rows": 2}))
    last_day = DayField(label=lazy("Last day"))


def offered_holders() -> list[tuple[str, str]]:
    """Value and words of what the field offers while typing. Two queries."""
    people = User.objects.filter(is_active=True, left_on=None).order_by("last_name", "first_name")[:MOST]
    teams = Team.objects.order_by("name").values_list("name", flat=True)[:MOST]
    return [(person.username, str(person)) for person in people] + [(name, _("Team")) for name in teams]
