"""The form of the order page."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from lifecycle.catalog.models import Size
from lifecycle.catalog.queries import offered, takes_seed
from lifecycle.people.models import SshKey, User
from portal.web.forms import Unrepeated, Words
from portal.web.forms.days import DayField

MINE, TEAM = "me", "team"
PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
SEED = ("hostname", "ssh_keys", "more_keys", "user_data")
"""What machines of some blueprints are told at their first start."""


class OwnKeys(forms.ModelMultipleChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name}, {obj.fingerprint}"


class OrderForm(forms.Form):
    use_required_attribute = False

    key = forms.CharField(max_length=64, widget=forms.HiddenInput)
    blueprint = forms.ModelChoiceField(
        offered(), widget=forms.RadioSelect, empty_label=None, label=_("What"),
        error_messages={"invalid_choice": _("This is not offered. Choose one of these.")},
    )  # fmt: skip
    size = forms.ModelChoiceField(
        Size.objects.all(), widget=forms.RadioSelect, empty_label=None, label=_("Size"),
        error_messages={"invalid_choice": _("There is no such size. Choose one of these.")},
    )  # fmt: skip
    name = Words(
        label=_("Name"),
        help_text=_("Lower case letters, digits and hyphens, up to 40."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    purpose = Words(
        label=_("Purpose"),
        help_text=_("Your approver reads this, and it is written on the machine itself."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    last_day = DayField(label=_("Last day"))
    holder = forms.ChoiceField(
        choices=[(MINE, _("You")), (TEAM, _("Your team"))], widget=forms.RadioSelect, label=_("Who holds it")
    )

    hostname = forms.CharField(
        required=False, max_length=200, label=_("Host name"), help_text=_("Empty: the machine’s name."),
        widget=forms.TextInput(attrs=PLAIN),
    )  # fmt: skip
    ssh_keys = OwnKeys(
        SshKey.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, label=_("SSH keys that it lets in"),
        help_text=_("For the user that the image comes with."),
        error_messages={"invalid_choice": _("This is no key of yours. Choose one of these.")},
    )  # fmt: skip
    more_keys = forms.CharField(
        required=False, max_length=50_000, label=_("Another key"), help_text=_("Public keys, one a line."),
        widget=forms.Textarea(attrs=PLAIN | {"rows": 2, "class": "mono"}),
    )  # fmt: skip
    user_data = forms.CharField(
        required=False, strip=False, initial="", label=_("User data"),
        help_text=_(
            "For cloud-init, 16 KiB at most. It may hold secrets: it is kept encrypted, shown to nobody, and forgotten "
            "after the first start. Whoever decides sees how long it is, and its SHA-256."
        ),
        widget=Unrepeated(attrs=PLAIN | {"rows": 6, "class": "mono"}),
    )  # fmt: skip

    def __init__(self, *args: Any, by: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["key"].initial = lambda: uuid.uuid4().hex
        self.fields["ssh_keys"].queryset = by.ssh_keys.all()  # type: ignore[attr-defined]
        self.fields["ssh_keys"].initial = lambda: list(by.ssh_keys.values_list("pk", flat=True))
        choices = [(MINE, by.get_full_name() or by.username)]
        if by.team:
            choices.append((TEAM, by.team.name))
        self.fields["holder"].choices = choices  # type: ignore[attr-defined]

    @sensitive_variables()
    def clean_user_data(self) -> str:
        """Browsers write line ends of their own, with which no script runs."""
        return str(self.cleaned_data["user_data"]).replace("\r\n", "\n")

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        """Where a machine can be told nothing, keys that were chosen for another are let go, but nothing written is."""
        cleaned = super().clean() or {}
        blueprint = cleaned.get("blueprint")
        if blueprint and not takes_seed(blueprint):
            if cleaned.get("user_data"):
                words = _("Machines of %(blueprint)s take no user data.")
                self.add_error(None, str(words) % {"blueprint": blueprint})
            for name in SEED:
                cleaned.pop(name, None)
        return cleaned

    @sensitive_variables()
    def told(self) -> dict[str, Any]:
        """What the machine is to be told, as the action takes it."""
        given = self.cleaned_data
        if "ssh_keys" not in given:
            return {}
        lines = [line for line in given["more_keys"].splitlines() if line.strip()]
        keys = [*(key.text for key in given["ssh_keys"]), *lines]
        return {"hostname": given["hostname"], "ssh_keys": keys, "user_data": given["user_data"]}
