"""With whom a machine is shared, how far and until when."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models import Level
from portal.web.forms.days import DayField
from portal.web.forms_house.adoption import HolderField

LEVELS = [
    (Level.SEE.value, _("See it")),
    (Level.OPERATE.value, _("Operate it: also start, stop and restart")),
    (Level.MANAGE.value, _("Manage it: also extend, give back, restore and share")),
]


class RecipientField(HolderField):
    def clean(self, value: Any) -> Any:
        (found,) = super().clean(value).values()
        return found


class ChangeShareForm(forms.Form):
    use_required_attribute = False

    level = forms.TypedChoiceField(choices=LEVELS, coerce=Level, label=_("What they may do"), initial=Level.SEE.value)
    until = DayField(required=False, label=_("Last day"), help_text=_("Empty: as long as the machine is held."))


class ShareForm(ChangeShareForm):
    field_order = ["recipient", "level", "until"]

    recipient = RecipientField(
        label=_("Person or team"),
        widget=forms.TextInput(attrs={"list": "recipients", "autocomplete": "off", "spellcheck": "false"}),
        help_text=_("A user name, a mail address, a full name or a team’s name."),
    )
