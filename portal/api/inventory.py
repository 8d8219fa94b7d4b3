"""The inventory that was kept by hand, as CSV: tried, put in force, removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.models import CmdbFile, CmdbRow
from lifecycle.sprawl import inventory as actions
from portal.api.asking import Strict, me, wanted
from portal.api.listing import Listed, listed
from portal.api.parsing import Json, TooLarge
from portal.api.people import PersonSerializer
from portal.api.permissions import OfTheHouse


class Csv(BaseParser):
    """The bytes themselves; what they say is read by the rules."""

    media_type = "text/csv"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(actions.MOST_BYTES + 1)
        if len(body) > actions.MOST_BYTES:
            raise TooLarge(f"An inventory has at most {actions.MOST_BYTES // 1024**2} MiB.")
        return body


class InventorySerializer(serializers.ModelSerializer[CmdbFile]):
    by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = CmdbFile
        fields = ["id", "file_name", "state", "at", "by", "applied_at"]


class InventoryDetailSerializer(InventorySerializer):
    """`counts` by outcome; `unknown_columns` were passed over."""

    counts = serializers.SerializerMethodField()
    unknown_columns = serializers.ListField(source="unknown", child=serializers.CharField(), read_only=True)

    class Meta(InventorySerializer.Meta):
        fields = [*InventorySerializer.Meta.fields, "counts", "unknown_columns"]

    def get_counts(self, file: CmdbFile) -> dict[str, int]:
        return actions.counts(file)


class InventoryRowSerializer(serializers.ModelSerializer[CmdbRow]):
    class Meta:
        model = CmdbRow
        fields = ["number", "name", "uuid", "address", "owner", "note", "outcome", "problem"]


class FileName(Strict):
    file_name = serializers.CharField(max_length=200, required=False)


@extend_schema(tags=["rules"])
class InventoryViewSet(mixins.RetrieveModelMixin, Listed[CmdbFile]):
    """Who is said to own what. One is in force; one may be tried beside it."""

    permission_classes = [OfTheHouse]
    parser_classes = [Json, Csv]
    serializer_class = InventorySerializer
    page_key = ("-at", "-id")
    queryset = CmdbFile.objects.select_related("by")

    def get_serializer_class(self) -> type[InventorySerializer]:
        return InventoryDetailSerializer if self.action == "retrieve" else InventorySerializer

    @extend_schema(
        request={"text/csv": OpenApiTypes.STR},
        responses={201: InventoryDetailSerializer},
        parameters=[OpenApiParameter("file_name", str, description="What the file is called.")],
    )
    def create(self, request: Request) -> Response:
        """The dry run: what each line would say."""
        data: Any = request.data
        if not isinstance(data, bytes):
            raise UnsupportedMediaType(request.content_type or "")
        name = wanted(request, FileName).get("file_name", "")
        made = actions.try_inventory(data, file_name=name, by=me(request))
        return Response(InventoryDetailSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Its lines are no evidence any more."""
        actions.remove_inventory(self.get_object(), by=me(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=InventoryDetailSerializer)
    @action(detail=True, methods=["post"])
    def apply(self, request: Request, pk: str) -> Response:
        """Puts it in force, in place of the one before it."""
        return Response(InventoryDetailSerializer(actions.put_in_force(self.get_object(), by=me(request))).data)

    @extend_schema(responses=InventoryRowSerializer(many=True), filters=False)
    @action(detail=True)
    def rows(self, request: Request, pk: str) -> Response:
        """Its lines in the order of the file, each with what it would say."""
        return listed(
            request, self.get_object().rows.all(), key=("number", "id"),
            shown=lambda rows: InventoryRowSerializer(rows, many=True).data,
        )  # fmt: skip
