"""What of the record is shown."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.web.auditwords import OBJECTS
from portal.web.forms.days import DayField


class RecordFilter(forms.Form):
    """All parts may be left out; a part that cannot be read says so and the others still hold."""

    use_required_attribute = False

    who = forms.CharField(required=False, max_length=150, label=_("Person"))
    verb = forms.CharField(required=False, max_length=60, label=_("Act"))
    about = forms.ChoiceField(required=False, label=_("About"))
    since = DayField(required=False, label=_("From"))
    until = DayField(required=False, label=_("Up to and including"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kinds = sorted(((kind, str(word)) for kind, word in OBJECTS.items()), key=lambda pair: pair[1])
        self.fields["about"].choices = [("", _("Everything")), *kinds]  # type: ignore[attr-defined]
