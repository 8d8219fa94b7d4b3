"""A rule about found machines: which ones, and what it says of them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as lazy

from lifecycle.estate.models import Endpoint
from lifecycle.people.models import Team, User
from lifecycle.sprawl.models import EstateRule
from portal.web.forms import Words
from portal.web.forms_house.adoption import HolderField

PLAIN = {"autocomplete": "off", "spellcheck": "false"}
CALLED = {"person": "holder", "team": "holder"}
"""As the rules call a field -> as the form does."""


class AnyHolder(HolderField):
    """Nobody when it is left empty."""

    def clean(self, value: Any) -> dict[str, User | Team]:
        return super().clean(value) if str(value or "").strip() else {}


class RuleForm(forms.Form):
    use_required_attribute = False

    name = Words(label=lazy("Name of the rule"), widget=forms.TextInput(attrs=PLAIN))
    endpoint = forms.ModelChoiceField(
        Endpoint.objects.order_by("name"), required=False, label=lazy("Endpoint"), empty_label=lazy("Every endpoint")
    )
    machine_name = Words(
        required=False, label=lazy("Name of the machine"), widget=forms.TextInput(attrs=PLAIN),
        help_text=lazy("* stands for any signs and ? for one, here and below: ci-agent-*"),
    )  # fmt: skip
    folder = Words(
        required=False, label=lazy("Folder"), widget=forms.TextInput(attrs=PLAIN), help_text=lazy("CI/* is all in CI."),
    )  # fmt: skip
    label = Words(
        required=False, label=lazy("Label or tag"), widget=forms.TextInput(attrs=PLAIN),
        help_text=lazy("A name, or name=value: backup, or stage=test."),
    )  # fmt: skip
    network = Words(required=False, label=lazy("Network"), widget=forms.TextInput(attrs=PLAIN))
    effect = forms.ChoiceField(choices=EstateRule.Effect.choices, label=lazy("The rule"))
    holder = AnyHolder(
        required=False, label=lazy("Person or team"),
        widget=forms.TextInput(attrs=PLAIN | {"list": "holders"}),
        help_text=lazy("A user name, a mail address, a full name or a team’s name."),
    )  # fmt: skip
    purpose = Words(required=False, label=lazy("Purpose"), help_text=lazy("Only where it gives a holder."))
    lease_days = forms.IntegerField(
        required=False, label=lazy("Days of the lease"), help_text=lazy("Only where it gives a holder.")
    )
    managed_by = Words(
        required=False, label=lazy("Managed by"), help_text=lazy("Only where something else manages them.")
    )

    def fields_of_rule(self) -> dict[str, Any]:
        """As the rules call them."""
        given = dict(self.cleaned_data)
        return {"person": None, "team": None} | {
            {"holder": "person"}.get(name, name): value for name, value in given.pop("holder", {}).items()
        } | given  # fmt: skip


def initial_of(rule: EstateRule) -> dict[str, Any]:
    names = [name for name in RuleForm.base_fields if name != "holder"]
    holder = rule.person.username if rule.person else str(rule.team or "")
    return {name: getattr(rule, name) for name in names} | {"holder": holder}
