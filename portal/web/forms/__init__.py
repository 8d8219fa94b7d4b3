"""Forms only parse what was sent; the rules stand in the rooms, and their sentences are put onto the fields here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from lifecycle.errors import DomainError
from portal.errors import problems_of


def take_problems(form: forms.BaseForm, error: DomainError, called: Mapping[str, str] | None = None) -> None:
    """Puts each sentence of a refusal onto its field, as the form calls it, or onto the form as a whole."""
    for name, sentence in problems_of(error).items():
        field = (called or {}).get(name, name)
        form.add_error(field if field in form.fields else None, sentence)


class Words(forms.CharField):
    """Text whose absence the rules refuse in their own words, together with everything else that is wrong."""

    def validate(self, value: str) -> None:
        pass


class Unrepeated(forms.Textarea):
    """What was typed goes in and never comes back."""

    def format_value(self, value: Any) -> str:
        return ""
