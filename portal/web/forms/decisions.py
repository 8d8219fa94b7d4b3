"""The words of whoever decides, and the price they were shown."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.web.forms import Words


class DecisionForm(forms.Form):
    use_required_attribute = False

    comment = Words(label=_("Your words"), widget=forms.Textarea(attrs={"rows": 1}))
    cents_seen = forms.IntegerField(required=False, widget=forms.HiddenInput)
