"""Which findings are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from lifecycle.errors import Invalid
from lifecycle.estate.models import Endpoint, Pool
from lifecycle.people.models import Team, User
from lifecycle.people.permissions import sees_all
from lifecycle.sprawl.models import Confidence
from lifecycle.sprawl.reports import Wanted
from portal import findings
from portal.web.findingwords import AGES, EXEMPT, KINDS, ORDERS
from portal.web.forms.selects import LongSelect
from portal.web.forms_house.catalogue import PriceField

ANY = ("", _("All"))
MICROS_PER_CENT = 10_000


class TeamField(forms.ChoiceField):
    """Any team will do: what it narrows is what somebody sees anyway."""

    def valid_value(self, value: Any) -> bool:
        return value == findings.NOBODY or findings.is_number(str(value))


class LeastField(PriceField):
    """A price, or nothing."""

    def clean(self, value: Any) -> int:
        return super().clean(value) if value and str(value).strip() else 0


class PlaceFilter(forms.Form):
    """Where, and whose. All parts may be left out; a part that cannot be read says so and the others still hold."""

    use_required_attribute = False
    wanted = Wanted()

    endpoint = forms.TypedChoiceField(
        required=False, widget=LongSelect, coerce=int, empty_value=None, label=_("Endpoint")
    )
    pool = forms.TypedChoiceField(required=False, widget=LongSelect, coerce=int, empty_value=None, label=_("Pool"))
    team = TeamField(required=False, widget=LongSelect, label=_("Team"))

    def __init__(self, asked: Mapping[str, Any], *, by: User) -> None:
        super().__init__(asked)
        self.endpoints: list[Endpoint] = []
        self.teams: dict[int, str] = {}
        if sees_all(by):
            self._offer_places(str(asked.get("endpoint", "")))
        elif by.decides:
            self._offer_teams(Team.objects.filter(members__supervisor=by).distinct())
        for name in ("endpoint", "pool", "team"):
            if len(self.fields[name].choices) < 2:  # type: ignore[attr-defined]
                del self.fields[name]
        self.is_valid()

    def _offer_places(self, chosen: str) -> None:
        self.endpoints = list(Endpoint.objects.order_by("name"))
        # Pools have a choice of their own only where an endpoint is chosen.
        pools = Pool.objects.filter(endpoint=int(chosen)).order_by("name") if findings.is_number(chosen) else ()
        self._offer("endpoint", [(each.pk, each.name) for each in self.endpoints])
        self._offer("pool", [(each.pk, each.name) for each in pools])
        self._offer_teams(Team.objects.all())

    def _offer_teams(self, teams: Any) -> None:
        self.teams = dict(teams.order_by("name").values_list("pk", "name"))
        self._offer("team", [(findings.NOBODY, _("Nobody’s")), *((str(pk), name) for pk, name in self.teams.items())])

    def _offer(self, name: str, choices: list[tuple[Any, Any]]) -> None:
        self.fields[name].choices = [ANY, *choices]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or {}
        try:
            self.wanted = findings.wanted(self.filters())
        except Invalid as error:
            self.add_error("holder", error.message)
            self.wanted = findings.wanted(self.filters() | {"holder": ""})
        return asked

    def filters(self) -> dict[str, Any]:
        """What was asked for and could be read, by the API's names."""
        asked = {name: value for name, value in self.cleaned_data.items() if value and name in findings.NAMES}
        least = self.cleaned_data.get("min")
        return asked | ({"min_cents": least // MICROS_PER_CENT} if least else {})


class FindingFilter(PlaceFilter):
    kind = forms.ChoiceField(
        required=False,
        widget=LongSelect,
        label=_("Kind"),
        choices=[ANY, *((kind, look.word) for kind, look in KINDS.items())],
    )
    age = forms.ChoiceField(required=False, widget=LongSelect, label=_("Since"), choices=[ANY, *AGES.items()])
    q = forms.CharField(required=False, max_length=200, label=_("Words"))
    holder = forms.CharField(required=False, max_length=150, label=_("Holder"))
    confidence = forms.TypedChoiceField(
        required=False,
        widget=LongSelect,
        coerce=int,
        empty_value=None,
        label=_("Confidence"),
        choices=[ANY, *Confidence.choices],
    )
    min = LeastField(required=False, label=_("At least, per month"))
    exempt = forms.ChoiceField(
        required=False, widget=LongSelect, label=_("Exempt"), choices=[("", _("Not shown")), *EXEMPT.items()]
    )
    sort = forms.ChoiceField(required=False, widget=LongSelect, label=_("Order"), choices=list(ORDERS.items()))

    field_order = ("kind", "q", "endpoint", "pool", "team", "holder", "age", "confidence", "min", "exempt", "sort")

    @property
    def order(self) -> str:
        return self.cleaned_data.get("sort") or "cost"
