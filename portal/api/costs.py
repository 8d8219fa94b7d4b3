"""What machines cost: lines, the seconds behind them, and statements that are nothing but their sums."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle import clock
from lifecycle.models import CostCentre, Line, User
from lifecycle.money import calendar
from lifecycle.money.queries import cost_centres_visible_to, lines_of, lines_visible_to, months_of, statement, why
from lifecycle.money.queries.lines import NAMED
from lifecycle.people import teams
from portal.api.asking import NoFilter, Strict, me, sent, wanted
from portal.api.fields import Month, Name, Row
from portal.api.guarded import Guarded
from portal.api.listing import Listed
from portal.api.people import CostCentreSerializer, PersonSerializer


class LineSerializer(serializers.ModelSerializer[Line]):
    """One machine, meter, price, holder and month: rounded once, here."""

    month = Month(read_only=True)
    machine = serializers.IntegerField(source="machine_id", read_only=True)
    machine_name = serializers.CharField(source="machine.name", read_only=True)
    holder = Name(source="tenure.holder", allow_null=True)
    team = Name(source="tenure.team", allow_null=True)
    cost_centre = serializers.CharField(source="tenure.cost_centre.code", read_only=True, allow_null=True, default=None)
    rate_card = serializers.CharField(source="rate.card.name", read_only=True)
    rate_micros = serializers.IntegerField(source="rate.micros", read_only=True)
    rate_per = serializers.IntegerField(source="rate.per", read_only=True)

    class Meta:
        model = Line
        fields = [
            "id", "month", "machine", "machine_name", "meter", "holder", "team", "cost_centre", "rate_card",
            "rate_micros", "rate_per", "seconds", "unit_seconds", "cents",
        ]  # fmt: skip


class WhyPartSerializer(serializers.Serializer[Any]):
    """One span's part: so many units from `started_at` up to, not including, `ended_at`."""

    span = serializers.IntegerField(source="charge.span_id")
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()
    seconds = serializers.IntegerField()
    quantity = serializers.IntegerField()
    unit_seconds = serializers.IntegerField()
    cause = serializers.CharField()
    amount = serializers.CharField(help_text="In units of the currency, six places.")
    agrees = serializers.BooleanField(help_text="The history still says so.")


class WhySerializer(serializers.Serializer[Any]):
    """unit_seconds x micros / (per x month_seconds x 1,000,000) is `exact`; rounded half up, once, it is `cents`."""

    line = LineSerializer()
    parts = WhyPartSerializer(many=True)
    seconds = serializers.IntegerField()
    unit_seconds = serializers.IntegerField()
    month_seconds = serializers.IntegerField()
    micros = serializers.IntegerField()
    per = serializers.IntegerField()
    exact = serializers.CharField()
    rest = serializers.CharField(help_text="What rounding added or took.")
    cents = serializers.IntegerField()
    recomputed_cents = serializers.IntegerField()
    agrees = serializers.BooleanField(help_text="Recomputing from the evidence gives the line's own figures.")


class MachineLinesSerializer(serializers.Serializer[Any]):
    machine = serializers.IntegerField(source="machine.pk")
    machine_name = serializers.CharField(source="machine.name")
    cents = serializers.IntegerField()
    lines = LineSerializer(many=True)


class StatementSerializer(serializers.Serializer[Any]):
    """`cents` is the sum of the lines. A month that still runs is a draft, known up to `drafted_to`."""

    month = Month()
    payer = Name()
    cents = serializers.IntegerField()
    drafted_to = serializers.DateTimeField(allow_null=True)
    machines = MachineLinesSerializer(many=True)


class MonthSumSerializer(serializers.Serializer[Any]):
    month = Month()
    cents = serializers.IntegerField()


class OwnedCostCentreSerializer(serializers.ModelSerializer[CostCentre]):
    owner = PersonSerializer(read_only=True, allow_null=True)

    class Meta(CostCentreSerializer.Meta):
        fields = [*CostCentreSerializer.Meta.fields, "owner"]


class CostCentreInput(Strict):
    code = serializers.CharField(max_length=20)
    name = serializers.CharField(max_length=100)
    owner = Row(queryset=User.objects.all(), required=False, allow_null=True)


class CostCentreChange(Strict):
    """Only what is sent is changed."""

    code = serializers.CharField(max_length=20, required=False)
    name = serializers.CharField(max_length=100, required=False)
    owner = Row(queryset=User.objects.all(), required=False, allow_null=True)


class MonthFilter(Strict):
    month = Month(required=False, help_text="2026-11; without it, the present month.")


class LineFilter(Strict):
    month = Month(required=False, help_text="2026-11: only this month.")
    machine = serializers.IntegerField(
        required=False, min_value=1, max_value=10**18, help_text="Only the machine of this id."
    )


@extend_schema(tags=["costs"])
class LineViewSet(mixins.RetrieveModelMixin, Listed[Line]):
    """Lines of what I or my team held, and of what my cost centres pay. The present month is a draft."""

    serializer_class = LineSerializer
    filter_shape = LineFilter
    page_key = ("-month", "-id")
    queryset = Line.objects.none()

    def get_queryset(self) -> QuerySet[Line]:
        asked = self.filters() if self.action == "list" else {}
        return lines_visible_to(me(self.request)).filter(**asked).select_related(*NAMED)

    @extend_schema(responses=WhySerializer)
    @action(detail=True)
    def why(self, request: Request, pk: str) -> Response:
        """The seconds behind a line, and the line computed again from them."""
        return Response(WhySerializer(why(self.get_object())).data)


@extend_schema(tags=["costs"])
class CostsView(Guarded):
    @extend_schema(parameters=[MonthFilter], responses=StatementSerializer)
    def get(self, request: Request) -> Response:
        """My own statement of a month: what I and my team hold."""
        return _statement(me(request), wanted(request, MonthFilter).get("month"), viewer=me(request))


@extend_schema(tags=["costs"])
class MonthsView(Guarded):
    @extend_schema(responses=MonthSumSerializer(many=True))
    def get(self, request: Request) -> Response:
        """My months with their sums, the latest first."""
        wanted(request, NoFilter)
        return _months(me(request), viewer=me(request))


@extend_schema(tags=["costs"])
class CostCentreViewSet(mixins.RetrieveModelMixin, Listed[CostCentre]):
    """Cost centres that I answer for; all of them for finance, auditors and administrators."""

    serializer_class = OwnedCostCentreSerializer
    page_key = ("code", "id")
    queryset = CostCentre.objects.none()

    def get_queryset(self) -> QuerySet[CostCentre]:
        return cost_centres_visible_to(me(self.request)).select_related("owner")

    @extend_schema(request=CostCentreInput, responses={201: OwnedCostCentreSerializer})
    def create(self, request: Request) -> Response:
        """Administrators add them."""
        centre = teams.create_cost_centre(by=me(request), **sent(request, CostCentreInput))
        return Response(OwnedCostCentreSerializer(centre).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=CostCentreChange, responses=OwnedCostCentreSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Its owner sees what it pays, from now on and before."""
        centre: CostCentre = self.get_object()
        changed = teams.change_cost_centre(centre, by=me(request), **sent(request, CostCentreChange))
        return Response(OwnedCostCentreSerializer(changed).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Only one on which nothing was ever charged."""
        teams.delete_cost_centre(self.get_object(), by=me(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(responses=MonthSumSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def months(self, request: Request, pk: str) -> Response:
        """Its months with their sums, the latest first."""
        return _months(self.get_object(), viewer=me(request))

    @extend_schema(
        parameters=[OpenApiParameter("month", str, OpenApiParameter.PATH, description="2026-11")],
        responses=StatementSerializer,
    )
    @action(detail=True, url_path=r"statements/(?P<month>[0-9]{4}-[0-9]{2})")
    def statement(self, request: Request, pk: str, month: str) -> Response:
        """What it pays for one month, machine by machine."""
        centre: CostCentre = self.get_object()
        try:
            first = Month().to_internal_value(month)
        except serializers.ValidationError:
            raise Http404 from None
        return _statement(centre, first, viewer=me(request))


def _statement(payer: User | CostCentre, month: date | None, *, viewer: User) -> Response:
    found = statement(payer, month or calendar.month_of(clock.now()), viewer=viewer)
    return Response(StatementSerializer(found).data)


def _months(payer: User | CostCentre, *, viewer: User) -> Response:
    sums = [{"month": month, "cents": cents} for month, cents in months_of(lines_of(payer, viewer=viewer))]
    return Response(MonthSumSerializer(sums, many=True).data)
