"""The overview's numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.models import Endpoint, Team
from lifecycle.people.permissions import require, sees_all
from lifecycle.sprawl import overview
from lifecycle.sprawl.models import Kind
from lifecycle.sprawl.reports import AGES, Totals
from lifecycle.sprawl.viewing import SEE_OVERVIEW
from portal import findings
from portal.api.asking import me, wanted
from portal.api.findings import PlaceFilter
from portal.api.guarded import Guarded
from portal.web.findingwords import CONFIDENCES, URGENCIES


class SprawlFilter(PlaceFilter):
    period = serializers.ChoiceField(["days", "months"], required=False, help_text="`days`: 90; `months`: 12.")


class TotalsSerializer(serializers.Serializer[Any]):
    """All amounts are of the findings that count; `findings` are all."""

    findings = serializers.IntegerField()
    counted = serializers.IntegerField()
    cents_per_month = serializers.IntegerField()
    saves_cents = serializers.IntegerField(help_text="What could be had back, a month.")
    vcpus = serializers.IntegerField()
    memory_mib = serializers.IntegerField()
    disk_mib = serializers.IntegerField()


class OfKindSerializer(TotalsSerializer):
    kind = serializers.ChoiceField(Kind.choices)
    urgency = serializers.ChoiceField(["urgent", "soon", "minor"])
    confidence = serializers.ChoiceField(list(CONFIDENCES.values()), help_text="Which most of them have.")


class OfTeamSerializer(TotalsSerializer):
    team = serializers.IntegerField(allow_null=True, help_text="Null: nobody's.")
    name = serializers.CharField(help_text="Empty: nobody's.")


class OfAgeSerializer(TotalsSerializer):
    age = serializers.ChoiceField(list(AGES))


class OfEndpointSerializer(TotalsSerializer):
    endpoint = serializers.IntegerField()
    name = serializers.CharField()


class MachinesSerializer(serializers.Serializer[Any]):
    all = serializers.IntegerField()
    held = serializers.IntegerField()
    managed = serializers.IntegerField(help_text="By something else: never flagged.")


class WasteSerializer(serializers.Serializer[Any]):
    day = serializers.DateField()
    kind = serializers.ChoiceField(Kind.choices)
    findings = serializers.IntegerField()
    saves_cents = serializers.IntegerField()
    vcpus = serializers.IntegerField()
    memory_mib = serializers.IntegerField()
    disk_mib = serializers.IntegerField()


class SprawlSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(help_text="When this was counted: at most a minute ago.")
    machines = MachinesSerializer()
    all = TotalsSerializer()
    kinds = OfKindSerializer(many=True)
    teams = OfTeamSerializer(many=True)
    ages = OfAgeSerializer(many=True)
    endpoints = OfEndpointSerializer(many=True)
    trend = WasteSerializer(many=True, help_text="What stood open at the end of a day. Of the house only; by endpoint.")


class SeesOverview(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        if request.user.is_authenticated:
            require(me(request), SEE_OVERVIEW)
        return request.user.is_authenticated


@extend_schema(tags=["findings"])
class SprawlView(Guarded):
    permission_classes = [SeesOverview]

    @extend_schema(parameters=[SprawlFilter], responses=SprawlSerializer)
    def get(self, request: Request) -> Response:
        """What stands open by kind, team, age and endpoint: of the house, or of what I and my line hold."""
        asked, by = wanted(request, SprawlFilter), me(request)
        months = asked.pop("period", "days") == "months"
        fits = findings.wanted(asked)
        counted = overview.counted(by, fits)
        found = counted.found
        kept = overview.by_month if months else overview.by_day
        shown = {
            "at": counted.at,
            "machines": counted.machines,
            "all": found.all,
            "kinds": [
                _of(sums, kind=kind, urgency=URGENCIES[kind], confidence=CONFIDENCES[found.confidence[kind]])
                for kind, sums in found.by_kind.items()
            ],
            "teams": _named(found.by_team.items(), Team, "team"),
            "ages": [_of(sums, age=age) for age, sums in found.by_age.items()],
            "endpoints": _named(found.by_endpoint.items(), Endpoint, "endpoint"),
            "trend": kept(endpoint=fits.endpoint) if sees_all(by) else [],
        }
        return Response(SprawlSerializer(shown).data)


def _of(sums: Totals, **more: Any) -> dict[str, Any]:
    return {name: getattr(sums, name) for name in sums.__slots__} | more


def _named(sums: Iterable[tuple[Any, Totals]], table: Any, name: str) -> list[dict[str, Any]]:
    found = list(sums)
    names = dict(table.objects.filter(pk__in=[pk for pk, _sums in found]).values_list("pk", "name"))
    return [_of(one, **{name: pk}, name=names.get(pk, "")) for pk, one in found]
