"""The record of who did what."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from lifecycle.audit.queries import entries
from lifecycle.models import Entry
from portal import record
from portal.api.asking import Strict, me, wanted
from portal.api.fields import Day
from portal.api.listing import Listed
from portal.api.permissions import OfTheHouse
from portal.exports import FORMS, exported


class EntrySerializer(serializers.ModelSerializer[Entry]):
    """`actor_id` is empty where the house itself acted."""

    detail = serializers.DictField(read_only=True)

    class Meta:
        model = Entry
        fields = [
            "id", "at", "actor_id", "actor_name", "verb", "object_type", "object_id", "object_name", "reason", "detail",
        ]  # fmt: skip


class EntryFilter(Strict):
    who = serializers.CharField(
        required=False, max_length=150, help_text="A user name, or parts of a name; `leasehold` is the portal itself."
    )
    verb = serializers.CharField(required=False, max_length=60, help_text="`lease.extended`, or `lease` for all of it.")
    about = serializers.CharField(required=False, max_length=40, help_text="Kind of object: `machine`, `lease`, …")
    object_id = serializers.IntegerField(required=False, min_value=1, max_value=10**18, help_text="With `about`.")
    name = serializers.CharField(
        required=False, max_length=255, help_text="The beginning of the object's name, as it stood then."
    )
    since = Day(required=False, help_text="From this day on, in my zone.")
    until = Day(required=False, help_text="Up to and including this day, in my zone.")


class ExportFilter(EntryFilter):
    format = serializers.ChoiceField(sorted(FORMS), required=False)


class Written(BaseRenderer):
    """Takes part in choosing the form; the stream itself is written by portal/exports.py."""

    charset = None


class JsonLines(Written):
    media_type, format = "application/jsonl", "jsonl"


class Csv(Written):
    media_type, format = "text/csv", "csv"


@extend_schema(tags=["audit"])
class EntryViewSet(mixins.RetrieveModelMixin, Listed[Entry]):
    """Who did what, newest first."""

    permission_classes = [OfTheHouse]
    serializer_class = EntrySerializer
    filter_shape = EntryFilter
    queryset = Entry.objects.all()
    page_key = ("-at", "-id")

    def get_queryset(self) -> QuerySet[Entry]:
        if self.action != "list":
            return super().get_queryset()
        return entries(record.wanted(self.filters()), zone=me(self.request).tz)

    @extend_schema(
        parameters=[
            EntryFilter,
            OpenApiParameter("format", str, enum=sorted(FORMS), description="Or say it with `Accept`."),
        ],
        responses={(200, "application/jsonl"): OpenApiTypes.STR, (200, "text/csv"): OpenApiTypes.STR},
        filters=False,
    )
    @action(detail=False, renderer_classes=[JsonLines, Csv], pagination_class=None)
    def export(self, request: Request, *args: Any) -> HttpResponseBase:
        """All that fits, as JSON lines or as CSV, in one answer. That it was taken is recorded."""
        asked = wanted(request, ExportFilter)
        form = asked.pop("format", request.accepted_renderer.format)
        return exported(asked, form=str(form), by=me(request))
