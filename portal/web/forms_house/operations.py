"""What an administrator decides about work by hand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from lifecycle.operations.actions import BY_HAND
from lifecycle.operations.models import Operation
from portal.web.forms_house.reasons import ReasonForm


class ResolveForm(ReasonForm):
    verdict = forms.ChoiceField(
        choices=[(verdict.value, verdict.label) for verdict in BY_HAND], widget=forms.RadioSelect,
        label=_("What you found"), error_messages={"required": _("Choose one.")},
    )  # fmt: skip

    field_order = ("verdict", "reason")

    def clean_verdict(self) -> Any:
        return Operation.Verdict(self.cleaned_data["verdict"])
