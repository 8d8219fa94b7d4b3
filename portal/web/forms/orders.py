"""The form of the order page."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from lifecycle.catalog.models import Size
from lifecycle.catalog.queries import offered
from lifecycle.people.models import User
from portal.web.forms import Words
from portal.web.forms.days import DayField

MINE, TEAM = "me", "team"


class OrderForm(forms.Form):
    use_required_attribute = False

    key = forms.CharField(max_length=64, widget=forms.HiddenInput)
    blueprint = forms.ModelChoiceField(
        offered(), widget=forms.RadioSelect, empty_label=None, label=_("What"),
        error_messages={"invalid_choice": _("This is not offered. Choose one of these.")},
    )  # fmt: skip
    size = forms.ModelChoiceField(
        Size.objects.all(), widget=forms.RadioSelect, empty_label=None, label=_("Size"),
        error_messages={"invalid_choice": _("There is no such size. Choose one of these.")},
    )  # fmt: skip
    name = Words(
        label=_("Name"),
        help_text=_("Lower case letters, digits and hyphens, up to 40."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    purpose = Words(
        label=_("Purpose"),
        help_text=_("Your approver reads this, and it is written on the machine itself."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    last_day = DayField(label=_("Last day"))
    holder = forms.ChoiceField(
        choices=[(MINE, _("You")), (TEAM, _("Your team"))], widget=forms.RadioSelect, label=_("Who holds it")
    )

    def __init__(self, *args: Any, by: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["key"].initial = lambda: uuid.uuid4().hex
        choices = [(MINE, by.get_full_name() or by.username)]
        if by.team:
            choices.append((TEAM, by.team.name))
        self.fields["holder"].choices = choices  # type: ignore[attr-defined]
