"""Acts that need a reason and nothing else."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class ReasonForm(forms.Form):
    use_required_attribute = False

    reason = forms.CharField(
        max_length=250, label=_("Why"), help_text=_("Goes into the audit record."),
        widget=forms.Textarea(attrs={"rows": 2}), error_messages={"required": _("Say why.")},
    )  # fmt: skip
