"""Teams and cost centres."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from lifecycle.people.models import CostCentre
from portal.web.forms import Words
from portal.web.forms_people.fields import PersonField


class TeamForm(forms.Form):
    use_required_attribute = False

    name = Words(label=_("Name"))
    cost_centre = forms.ModelChoiceField(
        CostCentre.objects.all(), label=_("Cost centre"), help_text=_("Pays for what the team orders from now on.")
    )


class CostCentreForm(forms.Form):
    use_required_attribute = False

    code = Words(label=_("Code"), help_text=_("As your accounts have it, such as 4120."))
    name = Words(label=_("Name"))
    owner = PersonField(
        required=False, label=_("Owner"),
        help_text=_("Sees its statements. Enter a user name, a mail address or a full name."),
    )  # fmt: skip
