"""Forms only parse what was sent; the rules stand in the rooms, and their sentences are put onto the fields here."""

from __future__ import annotations

from django import forms

from lifecycle.errors import DomainError
from portal.errors import problems_of


def take_problems(form: forms.BaseForm, error: DomainError) -> None:
    """Puts each sentence of a refusal onto its field, or onto the form as a whole."""
    for field, sentence in problems_of(error).items():
        form.add_error(field if field in form.fields else None, sentence)


class Words(forms.CharField):
    """Text whose absence the rules refuse in their own words, together with everything else that is wrong."""

    def validate(self, value: str) -> None:
        pass
