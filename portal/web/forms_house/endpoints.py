"""How an endpoint is reached, how much may happen there, and whether the portal may change anything."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hypervisors import registry
from lifecycle.estate.models import Endpoint
from portal.web.forms import Unrepeated, Words
from portal.web.forms_house import endpointkinds

PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


def plain(**options: Any) -> forms.CharField:
    return forms.CharField(required=False, widget=forms.TextInput(attrs=PLAIN), **options)


class AccessForm(forms.Form):
    use_required_attribute = False

    name = Words(label=_("Name"), help_text=_("As people call it: Hamburg production."))
    address = plain(label=_("Address"), help_text=_("Host name or address; empty for what runs on this host."))
    port = forms.IntegerField(required=False, label=_("Port"))
    transport = plain(label=_("Transport"), help_text=_("KVM: unix, tls or ssh."))
    path = plain(label=_("Path"), help_text=_("Of the socket, or of a simulated data centre’s file."))
    username = plain(label=_("User name"))
    secret = forms.CharField(
        required=False, strip=False, label=_("Secret"), help_text=_("Kept encrypted and never shown again."),
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
    )  # fmt: skip
    ca_pem = forms.CharField(
        required=False, label=_("Certificate authority"), help_text=_("PEM; empty for those that this host trusts."),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"}),
    )  # fmt: skip

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.of_kind = endpointkinds.KINDS.get(self.kind, endpointkinds.EVERY)
        for name, words in self.of_kind.labels.items():
            self.fields[name].label = words
        for name in self.of_kind.needed:
            self.fields[name].required = True
        for name, words in self.of_kind.hints.items():
            self.fields[name].help_text = words
        if self.kind in endpointkinds.SEVERAL_LINES:
            self.fields["secret"].widget = Unrepeated(attrs={"rows": 3, "spellcheck": "false", "class": "mono"})

    @property
    def kind(self) -> str:
        raise NotImplementedError

    @property
    def where(self) -> list[list[forms.BoundField]]:
        """Rows of fields that say where it is …"""
        return [[self[name] for name in row] for row in self.of_kind.where]

    @property
    def whom(self) -> list[list[forms.BoundField]]:
        """… and as whom the portal comes."""
        return [[self[name] for name in row] for row in self.of_kind.whom]


class NewEndpointForm(AccessForm):
    field_order = ["kind", "name"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [(kind, registry.LABELS.get(kind, kind)) for kind in registry.kinds()]
        self.fields["kind"] = forms.ChoiceField(choices=choices, label=_("Kind"), initial=self.kind)
        self.order_fields(self.field_order)

    @property
    def kind(self) -> str:
        """The one that was chosen last; the first of all where none was."""
        chosen = self.data.get("kind") or self.initial.get("kind")
        return chosen if chosen in registry.kinds() else registry.kinds()[0]


class ChangeEndpointForm(AccessForm):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["secret"].required = False
        self.fields["secret"].help_text = _(
            "Empty keeps the present one. Give it again where address, port, transport, path, user name or "
            "certificate change: it would go to another place."
        )

    @property
    def kind(self) -> str:
        return str(self.initial["kind"])

    def clean_ca_pem(self) -> str:
        """Browsers write line ends of their own: what only looks different is not a change."""
        sent, stored = str(self.cleaned_data["ca_pem"]), str(self.initial.get("ca_pem", ""))
        return stored if sent.split() == stored.split() else sent.replace("\r\n", "\n")


class LimitsForm(forms.Form):
    use_required_attribute = False

    blast_count = forms.IntegerField(label=_("Removals within an hour"))
    blast_percent = forms.IntegerField(
        label=_("And at most, percent of its machines"),
        help_text=_("What goes beyond either limit waits for an administrator’s word."),
    )
    parallel = forms.IntegerField(label=_("Operations at a time"))
    reason = forms.CharField(required=False, max_length=250, label=_("Reason"))


class ModeForm(forms.Form):
    use_required_attribute = False

    mode = forms.ChoiceField(choices=Endpoint.Mode.choices, widget=forms.HiddenInput)
    reason = Words(label=_("Why"), help_text=_("Goes into the audit record."), widget=forms.Textarea(attrs={"rows": 2}))
