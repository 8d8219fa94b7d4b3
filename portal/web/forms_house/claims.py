"""What a claim says, and what is said about it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.people.models import Team
from portal.web.forms import Words
from portal.web.forms.days import DayField


class ClaimForm(forms.Form):
    use_required_attribute = False

    for_team = forms.ChoiceField(label=lazy("Who shall hold it"), widget=forms.RadioSelect)
    reason = Words(
        label=lazy("How you know that it is yours"), max_length=500, widget=forms.Textarea(attrs={"rows": 2})
    )
    purpose = Words(label=lazy("Purpose"), max_length=1000, widget=forms.Textarea(attrs={"rows": 2}))
    last_day = DayField(label=lazy("Last day"))

    def __init__(self, *args: Any, team: Team | None, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["for_team"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - it stands above
        field.choices = [("me", _("I myself"))] + ([("team", _("My team, %(team)s") % {"team": team})] if team else [])
        field.initial = "me"

    def clean_for_team(self) -> bool:
        return self.cleaned_data["for_team"] == "team"


class AcceptForm(forms.Form):
    use_required_attribute = False

    last_day = DayField(label=lazy("Last day"), help_text=lazy("As it was asked for; change it where it must be."))


class RefuseForm(forms.Form):
    use_required_attribute = False

    words = Words(label=lazy("Your words to them"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
