"""What of the record is shown."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from lifecycle.audit.queries import Wanted
from lifecycle.errors import Invalid
from portal import record
from portal.web.auditwords import OBJECTS, acts
from portal.web.forms.days import DayField


class RecordFilter(forms.Form):
    """All parts may be left out; a part that cannot be read says so and the others still hold."""

    use_required_attribute = False

    who = forms.CharField(required=False, max_length=150, label=_("Person"))
    verb = forms.ChoiceField(required=False, label=_("Act"))
    about = forms.ChoiceField(required=False, label=_("About"))
    what = forms.CharField(required=False, max_length=255, label=_("Name or number"))
    since = DayField(required=False, label=_("From"))
    until = DayField(required=False, label=_("Up to and including"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kinds = sorted(((kind, str(word)) for kind, word in OBJECTS.items()), key=lambda pair: pair[1])
        self.fields["about"].choices = [("", _("Everything")), *kinds]  # type: ignore[attr-defined]
        self.fields["verb"].choices = [("", _("Everything")), *acts()]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or {}
        try:
            self.wanted = record.wanted(self.filters())
        except Invalid as error:
            self.add_error({"who": "who", "about": "about"}.get(error.field), error.message)
            rest = {name: value for name, value in self.filters().items() if name not in {error.field, "object_id"}}
            self.wanted = record.wanted(rest)
        return asked

    wanted = Wanted()

    def filters(self) -> dict[str, Any]:
        """What was asked for and could be read, by the API's names: a number is an object's, all else its name's."""
        asked = {name: value for name, value in self.cleaned_data.items() if value}
        what = asked.pop("what", "").strip()
        if found := re.fullmatch(r"#?([0-9]{1,18})", what):
            return asked | {"object_id": int(found[1])}
        return asked | ({"name": what} if what else {})
