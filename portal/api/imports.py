"""Lists of people as CSV: tried, applied, undone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.csvfiles import MOST_BYTES
from lifecycle.models import PeopleImport
from lifecycle.people.imports import try_import, undo_import
from lifecycle.people.imports.rows import Outcome, plan_of
from lifecycle.requests.leavers import apply_people
from portal.api.asking import Strict, me, sent, wanted
from portal.api.listing import Listed
from portal.api.parsing import Json, TooLarge
from portal.api.people import PersonSerializer
from portal.api.permissions import OfTheHouse


class Csv(BaseParser):
    """The bytes themselves; what they say is read by the rules."""

    media_type = "text/csv"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise TooLarge(f"A list has at most {MOST_BYTES // 1024**2} MiB.")
        return body


class ImportSerializer(serializers.ModelSerializer[PeopleImport]):
    by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = PeopleImport
        fields = ["id", "file_name", "state", "at", "by", "applied_at", "undone_at"]


class ImportedRowSerializer(serializers.Serializer[Any]):
    """`after` has what the list changes, `before` the same columns as they were."""

    number = serializers.IntegerField(help_text="The line of the file.")
    username = serializers.CharField()
    outcome = serializers.ChoiceField(choices=[str(each) for each in Outcome])
    problems = serializers.ListField(child=serializers.CharField())
    before = serializers.DictField(child=serializers.CharField())
    after = serializers.DictField(child=serializers.CharField())
    person = serializers.IntegerField(allow_null=True)
    undone = serializers.CharField(help_text="Empty, restored, deleted, locked or kept.")
    undo_problems = serializers.ListField(child=serializers.CharField())


class NewSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    cost_centre = serializers.CharField(help_text="Of a team: the code of who pays.")
    made = serializers.BooleanField()
    undone = serializers.CharField()


class ImportDetailSerializer(serializers.Serializer[Any]):
    """`counts` by outcome; `teams` and `cost_centres` are new and made only when they are named on applying."""

    id = serializers.IntegerField(source="kept.pk")
    file_name = serializers.CharField(source="kept.file_name")
    state = serializers.ChoiceField(source="kept.state", choices=PeopleImport.State.choices)
    at = serializers.DateTimeField(source="kept.at")
    by = PersonSerializer(source="kept.by", allow_null=True)
    applied_at = serializers.DateTimeField(source="kept.applied_at", allow_null=True)
    undone_at = serializers.DateTimeField(source="kept.undone_at", allow_null=True)
    counts = serializers.DictField(child=serializers.IntegerField())
    teams = NewSerializer(source="plan.teams", many=True)
    cost_centres = NewSerializer(source="plan.centres", many=True)
    unknown_columns = serializers.ListField(source="plan.unknown", child=serializers.CharField())
    rows = ImportedRowSerializer(source="plan.rows", many=True)


class ApplyInput(Strict):
    teams = serializers.ListField(
        child=serializers.CharField(),
        default=list,
        help_text="Names of new teams to make; the rows of others are left out.",
    )
    cost_centres = serializers.ListField(
        child=serializers.CharField(), default=list, help_text="Codes of new cost centres to make."
    )


class FileName(Strict):
    file_name = serializers.CharField(max_length=200, required=False)


@extend_schema(tags=["people"])
class ImportViewSet(mixins.RetrieveModelMixin, Listed[PeopleImport]):
    """Lists of people that were read in. Trying one writes nothing but the list and what was found."""

    permission_classes = [OfTheHouse]
    parser_classes = [Json, Csv]
    serializer_class = ImportSerializer
    page_key = ("-at", "-id")
    queryset = PeopleImport.objects.select_related("by")

    def get_queryset(self) -> QuerySet[PeopleImport]:
        # A list may have thousands of rows.
        return super().get_queryset().defer("rows") if self.action == "list" else super().get_queryset()

    @extend_schema(
        request={"text/csv": OpenApiTypes.STR},
        responses={201: ImportDetailSerializer},
        parameters=[OpenApiParameter("file_name", str, description="What the list is called.")],
    )
    def create(self, request: Request) -> Response:
        """The dry run: what the list would do, row by row."""
        data: Any = request.data
        if not isinstance(data, bytes):
            raise UnsupportedMediaType(request.content_type or "")
        name = wanted(request, FileName).get("file_name", "")
        return self._told(try_import(data, file_name=name, by=me(request)), status=status.HTTP_201_CREATED)

    @extend_schema(responses=ImportDetailSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        return self._told(self.get_object())

    @extend_schema(request={"application/json": ApplyInput}, responses=ImportDetailSerializer)
    @action(detail=True, methods=["post"])
    def apply(self, request: Request, pk: str) -> Response:
        """All that the dry run showed, at once; a conflict when anything is no longer as it saw it."""
        kept: PeopleImport = self.get_object()
        return self._told(apply_people(kept, by=me(request), **sent(request, ApplyInput)))

    @extend_schema(request=None, responses=ImportDetailSerializer)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Rows get their former values back where nobody has changed them since; each says what became of it."""
        return self._told(undo_import(self.get_object(), by=me(request)))

    def _told(self, kept: PeopleImport, *, status: int = status.HTTP_200_OK) -> Response:
        plan = plan_of(kept)
        counts = {str(each): plan.count(each) for each in Outcome}
        shown = {"kept": kept, "plan": plan, "counts": counts}
        return Response(ImportDetailSerializer(shown).data, status=status)
