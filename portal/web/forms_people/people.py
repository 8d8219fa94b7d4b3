"""A person's columns, their last day, and a password for the first time."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from lifecycle.people.models import CostCentre, Team, User
from portal.web.forms import Words
from portal.web.forms.days import DayField
from portal.web.forms_people.fields import PLAIN, PersonField


class Secret(forms.CharField):
    widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"})

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, max_length=200, **options)


class PersonForm(forms.Form):
    use_required_attribute = False

    first_name = forms.CharField(required=False, label=_("First name"))
    last_name = forms.CharField(required=False, label=_("Last name"))
    email = Words(required=False, label=_("Mail address"), help_text=_("Notices are sent there."))
    role = forms.ChoiceField(choices=User.Role.choices, label=_("Role"))
    supervisor = PersonField(
        required=False, label=_("Supervisor"),
        help_text=_("Decides on their requests. Enter a user name, a mail address or a full name."),
    )  # fmt: skip
    team = forms.ModelChoiceField(Team.objects.all(), required=False, label=_("Team"), empty_label=_("No team"))
    cost_centre = forms.ModelChoiceField(
        CostCentre.objects.all(), required=False, label=_("Cost centre"), empty_label=_("The team’s"),
        help_text=_("Pays for what they hold themselves."),
    )  # fmt: skip
    zone = Words(label=_("Time zone"), help_text=_("Such as Europe/Berlin."), widget=forms.TextInput(attrs=PLAIN))


class NewPersonForm(PersonForm):
    username = Words(
        label=_("User name"), widget=forms.TextInput(attrs=PLAIN),
        help_text=_("They sign in with it. It cannot be changed later."),
    )  # fmt: skip
    password = Secret(
        required=False, label=_("First password"), help_text=_("Empty: they cannot sign in until they get one.")
    )

    field_order = ["username", "first_name"]


class PasswordForm(forms.Form):
    use_required_attribute = False

    password = Secret(label=_("Temporary password"), help_text=_("Tell them in person, and ask them to change it."))


class LeaveForm(forms.Form):
    use_required_attribute = False

    left_on = DayField(label=_("Last day"), help_text=_("After it they can no longer sign in."))
