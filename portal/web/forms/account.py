"""The forms of one's own account."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from lifecycle.people.models import Token
from lifecycle.people.tokens import USUAL
from portal.identity import is_locked_out
from portal.web.access import Asked
from portal.web.forms import Words
from portal.web.forms.days import DayField, today

THEMES = {"": _("System"), "light": _("Light"), "dark": _("Dark")}


def usual_last_day() -> date:
    return today() + USUAL


@cache
def zones() -> list[tuple[str, str]]:
    """Zones as places; the rest of the database is history and abbreviations."""
    places = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "US/")))
    return [(name, name.replace("_", " ")) for name in ("UTC", *places)]


class TokenForm(forms.Form):
    use_required_attribute = False

    name = Words(label=_("Name"), help_text=_("Which program will use it, and where: nightly report on lab-3."))
    scope = forms.ChoiceField(
        label=_("May"), choices=[(Token.Scope.READ, _("Only read")), (Token.Scope.ACT, _("Read and act as you"))],
        initial=Token.Scope.READ, widget=forms.RadioSelect,
    )  # fmt: skip
    last_day = DayField(label=_("Last day"), help_text=_("At most a year away."))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["last_day"].initial = usual_last_day


class SshKeyForm(forms.Form):
    use_required_attribute = False

    key = Words(
        label=_("Public key"),
        help_text=_("One line, from a file that ends with .pub: ssh-ed25519 AAAA… lena@laptop"),
        widget=forms.Textarea(
            attrs={"rows": 3, "class": "mono", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    name = forms.CharField(
        required=False, max_length=80, label=_("Name"), help_text=_("Empty: what stands at the end of the key.")
    )


class PasswordForm(forms.Form):
    use_required_attribute = False

    present = forms.CharField(
        label=_("Present password"), strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )  # fmt: skip
    password = forms.CharField(
        label=_("New password"), strip=False, help_text=_("At least 8 characters, and not a common one."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip
    again = forms.CharField(
        label=_("New password again"), strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip

    def __init__(self, *args: Any, request: Asked, **options: Any) -> None:
        super().__init__(*args, **options)
        self.request = request

    @sensitive_variables()
    def clean_present(self) -> str:
        """Counted like a sign-in: whoever found a session open must not try passwords out here."""
        present: str = self.cleaned_data["present"]
        if authenticate(self.request, username=self.request.user.username, password=present) is None:
            late = is_locked_out(self.request)
            raise ValidationError(_("Too many wrong tries. Wait a few minutes.") if late else _("Wrong."))
        return present

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "again" in cleaned and cleaned.get("password") != cleaned["again"]:
            self.add_error("again", _("Not the same as above."))
        return cleaned


class ZoneForm(forms.Form):
    use_required_attribute = False

    zone = forms.ChoiceField(label=_("Time zone"), choices=zones)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        present = self.initial.get("zone", "UTC")
        if present not in dict(zones()):
            self.fields["zone"].choices = [(present, present), *zones()]  # type: ignore[attr-defined]
