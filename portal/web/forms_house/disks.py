"""Disk files that nothing uses: what lists are narrowed by, and what a decision needs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models import Datastore, Endpoint
from lifecycle.sprawl.files.proof import WORDS
from portal.web.diskwords import REASONS, STATES
from portal.web.forms.days import DayField
from portal.web.forms_house.reasons import ReasonForm


class DiskFilter(forms.Form):
    """What nobody knows does not narrow the list."""

    use_required_attribute = False

    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("All that are there")), *STATES.items()]
    )
    endpoint = forms.ModelChoiceField(
        Endpoint.objects.order_by("name"), label=_("Endpoint"), required=False, empty_label=_("Every endpoint")
    )
    datastore = forms.ModelChoiceField(
        Datastore.objects.filter(files__gone_at=None).select_related("endpoint").distinct().order_by("name", "pk"),
        label=_("Datastore"), required=False, empty_label=_("Every datastore"),
    )  # fmt: skip
    doubt = forms.ChoiceField(
        label=_("Not proven because"), required=False,
        choices=[("", _("Any reason")), *((code, REASONS[code]) for code in WORDS)],
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["datastore"].label_from_instance = lambda row: f"{row.name} ({row.endpoint.name})"  # type: ignore[attr-defined]

    @property
    def wanted(self) -> dict[str, Any]:
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class DayForm(ReasonForm):
    day = DayField(label=_("Not before"), error_messages={"required": _("Choose a day.")})
    field_order = ("day", "reason")
