"""The forms of a lease."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.web.forms import Words
from portal.web.forms.days import DayField


class ExtendForm(forms.Form):
    use_required_attribute = False

    last_day = DayField(label=_("New last day"))


class HoldForm(forms.Form):
    use_required_attribute = False

    reason = Words(label=_("Why"), help_text=_("The holder reads this."))
