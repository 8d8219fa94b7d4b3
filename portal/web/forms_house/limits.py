"""From when on something is a finding, as numbers beside what holds otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.sprawl.thresholds import OF_NO_POOL, RANGES, Limits
from portal.web.forms_house.reasons import ReasonForm
from portal.web.limitwords import GROUPS, LIMITS


class LimitsForm(ReasonForm):
    """What is left empty holds as it stands beside it."""

    def __init__(self, *args: Any, otherwise: Limits, pool: bool, locked: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.groups: list[tuple[str | Promise, list[str]]] = []
        self._otherwise = asdict(otherwise)
        for title, names in GROUPS:
            if shown := [name for name in names if not (pool and name in OF_NO_POOL)]:
                self.groups.append((title, shown))
                self.fields |= {name: self._field(name, locked=locked) for name in shown}
        self.order_fields([*LIMITS, "reason"])
        self.fields["reason"].label = lazy("Why")

    def _field(self, name: str, *, locked: bool) -> forms.IntegerField:
        label, meaning = LIMITS[name]
        least, most = RANGES[name]
        holds = _("%(meaning)s Otherwise %(value)s.") % {"meaning": meaning, "value": self._otherwise[name]}
        return forms.IntegerField(
            required=False, disabled=locked, label=str(label), help_text=holds,
            widget=forms.NumberInput(attrs={"min": least, "max": most, "placeholder": self._otherwise[name]}),
        )  # fmt: skip

    def parts(self) -> Iterable[tuple[str | Promise, list[BoundField]]]:
        return [(title, [self[name] for name in names]) for title, names in self.groups]

    def values(self) -> dict[str, int | None]:
        return {name: self.cleaned_data[name] for name in LIMITS if name in self.cleaned_data}
