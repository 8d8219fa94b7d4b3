"""Giving many found machines a holder: lists that are tried first, then applied row by row."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.models import AdoptionList, AdoptionRow, Machine
from lifecycle.sprawl import lists
from lifecycle.sprawl.lists.applying import counts
from lifecycle.sprawl.lists.trying import MOST_SELECTED
from portal.api.asking import me, sent, wanted
from portal.api.imports import Csv, FileName
from portal.api.listing import Listed, listed
from portal.api.orphans import AssignInput
from portal.api.parsing import Json
from portal.api.people import PersonSerializer, TeamSerializer
from portal.api.permissions import OfTheHouse


class AdoptionListSerializer(serializers.ModelSerializer[AdoptionList]):
    """A list of holders. `applying` until a worker has done its last row."""

    by = PersonSerializer(read_only=True)
    applied_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = AdoptionList
        fields = ["id", "name", "state", "at", "by", "applied_by", "applied_at"]


class AdoptionDetailSerializer(AdoptionListSerializer):
    """`counts` by outcome; the rows themselves are at `rows/`."""

    counts = serializers.SerializerMethodField()
    unknown_columns = serializers.ListField(source="unknown", child=serializers.CharField(), read_only=True)

    class Meta(AdoptionListSerializer.Meta):
        fields = [*AdoptionListSerializer.Meta.fields, "counts", "unknown_columns"]

    def get_counts(self, kept: AdoptionList) -> dict[str, int]:
        return counts(kept)


class AdoptionRowSerializer(serializers.ModelSerializer[AdoptionRow]):
    """`given` is what was written, `problem` the sentence why it was left out."""

    number = serializers.IntegerField(read_only=True, help_text="The line of the file.")
    given = serializers.DictField(child=serializers.CharField(), read_only=True)
    machine = serializers.IntegerField(source="machine_id", read_only=True, allow_null=True)
    holder = PersonSerializer(source="person", read_only=True, allow_null=True)
    team = TeamSerializer(read_only=True, allow_null=True)

    class Meta:
        model = AdoptionRow
        fields = ["number", "given", "machine", "holder", "team", "purpose", "last_day", "outcome", "problem"]


class SelectionInput(AssignInput):
    """Either a holder or a team."""

    machines = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=10**18), min_length=1, max_length=MOST_SELECTED,
        help_text="Their ids.",
    )  # fmt: skip


@extend_schema(tags=["orphans"])
class AdoptionViewSet(mixins.RetrieveModelMixin, Listed[AdoptionList]):
    """Lists of holders, newest first. Trying one writes nothing but the list and what was found."""

    permission_classes = [OfTheHouse]
    parser_classes = [Json, Csv]
    serializer_class = AdoptionDetailSerializer
    page_key = ("-at", "-id")
    queryset = AdoptionList.objects.select_related("by", "applied_by")

    def get_serializer_class(self) -> Any:
        return AdoptionListSerializer if self.action == "list" else AdoptionDetailSerializer

    @extend_schema(
        request={"text/csv": OpenApiTypes.STR, "application/json": SelectionInput},
        responses={201: AdoptionDetailSerializer},
        parameters=[OpenApiParameter("file_name", str, description="What a CSV is called.")],
    )
    def create(self, request: Request) -> Response:
        """The dry run, of a CSV or of machines that are named: what would become of each."""
        data: Any = request.data
        if isinstance(data, bytes):
            kept = lists.try_list(data, file_name=wanted(request, FileName).get("file_name", ""), by=me(request))
        else:
            given = sent(request, SelectionInput)
            kept = lists.try_selection(_machines(given.pop("machines")), by=me(request), **given)
        return Response(AdoptionDetailSerializer(kept).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={202: AdoptionDetailSerializer})
    @action(detail=True, methods=["post"])
    def apply(self, request: Request, pk: str) -> Response:
        """Has a worker give every machine that is ready to its holder, each on its own."""
        kept = lists.apply_list(self.get_object(), by=me(request))
        return Response(AdoptionDetailSerializer(kept).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses=AdoptionDetailSerializer)
    @action(detail=True, methods=["post"])
    def again(self, request: Request, pk: str) -> Response:
        """The dry run once more, of the estate as it is now."""
        return Response(AdoptionDetailSerializer(lists.look_again(self.get_object(), by=me(request))).data)

    @extend_schema(responses=AdoptionRowSerializer(many=True))
    @action(detail=True, methods=["get"])
    def rows(self, request: Request, pk: str) -> Response:
        """In the order of the file."""
        found: QuerySet[AdoptionRow] = self.get_object().rows.select_related("person", "team__cost_centre")
        return listed(request, found, key=("number",), shown=lambda rows: AdoptionRowSerializer(rows, many=True).data)


def _machines(ids: list[int]) -> list[Machine]:
    found = Machine.objects.filter(pk__in=set(ids)).select_related("endpoint", "holder", "team")
    if missing := set(ids) - {machine.pk for machine in found}:
        raise serializers.ValidationError({"machines": [f"There is no machine {min(missing)}."]})
    return list(found)
