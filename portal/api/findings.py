"""What should not be so: listed, one by one, and all at once."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.models import Endpoint, Finding, Pool
from lifecycle.sprawl import reports
from lifecycle.sprawl.models import Kind
from portal import findings
from portal.api.asking import Strict, me, wanted
from portal.api.audit import Csv, JsonLines
from portal.api.endpoints import EndpointNameSerializer
from portal.api.fields import AskedRow
from portal.api.listing import Listed
from portal.api.orphans import EvidenceSerializer
from portal.api.pagination import Keyset
from portal.findingexports import FORMS, exported
from portal.web.findingrows import endpoint_of
from portal.web.findingwords import CONFIDENCES


class TeamOrNobody(serializers.RegexField):
    def __init__(self, **options: Any) -> None:
        super().__init__(rf"^({findings.NOBODY}|[0-9]{{1,18}})$", **options)


class PlaceFilter(Strict):
    endpoint = AskedRow(queryset=Endpoint.objects.all(), required=False)
    pool = AskedRow(queryset=Pool.objects.all(), required=False)
    team = TeamOrNobody(required=False, help_text="The id of a team, or `nobody`.")


class FindingFilter(PlaceFilter):
    kind = serializers.ChoiceField(Kind.choices, required=False)
    holder = serializers.CharField(required=False, max_length=150, help_text="A user name, or parts of a name.")
    confidence = serializers.ChoiceField(list(CONFIDENCES.values()), required=False)
    age = serializers.ChoiceField(list(reports.AGES), required=False, help_text="How long ago it began.")
    min_cents = serializers.IntegerField(required=False, min_value=1, max_value=10**15, help_text="A month, at least.")
    exempt = serializers.ChoiceField(["with", "only"], required=False, help_text="Otherwise exempt ones are left out.")
    q = serializers.CharField(required=False, max_length=200, help_text="Words of the machine, file or image.")


class FindingListFilter(FindingFilter):
    sort = serializers.ChoiceField(list(reports.ORDERS), required=False, help_text="`cost` unless told otherwise.")


class FindingExportFilter(FindingFilter):
    format = serializers.ChoiceField(sorted(FORMS), required=False)


class SubjectSerializer(serializers.Serializer[Any]):
    """What it is about; names are whatever people wrote there."""

    type = serializers.ChoiceField(["machine", "disk_file", "image"])
    id = serializers.IntegerField()
    name = serializers.CharField()
    endpoint = EndpointNameSerializer()


class ExemptUntilSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField()
    ends_at = serializers.DateTimeField()


class FindingSerializer(serializers.ModelSerializer[Finding]):
    """Sums are made of findings that count: a machine's waste counts in one of them."""

    subject = serializers.SerializerMethodField()
    holder = serializers.SerializerMethodField(help_text="Person or team that holds the machine; empty: nobody.")
    confidence = serializers.SerializerMethodField()
    evidence = EvidenceSerializer(many=True, read_only=True)
    exemption = ExemptUntilSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Finding
        fields = [
            "id", "kind", "subject", "holder", "since", "found_at", "ended_at", "confidence", "action",
            "cents_per_month", "saves_cents", "vcpus", "memory_mib", "disk_mib", "counts", "exemption", "evidence",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(SubjectSerializer)
    def get_subject(self, one: Finding) -> Any:
        kind = "machine" if one.machine else "disk_file" if one.disk_file else "image"
        return SubjectSerializer(
            {"type": kind, "id": one.subject.pk, "name": one.subject.name, "endpoint": endpoint_of(one)}
        ).data

    def get_holder(self, one: Finding) -> str:
        return one.machine.holder_name if one.machine else ""

    @extend_schema_field(serializers.ChoiceField(list(CONFIDENCES.values())))
    def get_confidence(self, one: Finding) -> str:
        return CONFIDENCES[one.confidence]


@extend_schema(tags=["findings"])
class FindingViewSet(mixins.RetrieveModelMixin, Listed[Finding]):
    """What should not be so, on machines that I see; what nobody holds shows to administrators and auditors."""

    serializer_class = FindingSerializer
    filter_shape = FindingListFilter
    queryset = Finding.objects.none()

    def get_queryset(self) -> QuerySet[Finding]:
        return Finding.objects.visible_to(me(self.request)).select_related(*reports.SHOWN)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Open ones, the dearest first."""
        asked = self.filters()
        key = reports.ORDERS[asked.pop("sort", "cost")]
        found, pager = reports.findings(me(request), findings.wanted(asked)), Keyset()
        rows = pager.page_of(found, request, key=key, shown=Finding.objects.select_related(*reports.SHOWN))
        return pager.get_paginated_response(FindingSerializer(rows, many=True).data)

    @extend_schema(
        parameters=[
            FindingFilter,
            OpenApiParameter("format", str, enum=sorted(FORMS), description="Or say it with `Accept`."),
        ],
        responses={(200, "application/jsonl"): OpenApiTypes.STR, (200, "text/csv"): OpenApiTypes.STR},
        filters=False,
    )
    @action(detail=False, renderer_classes=[JsonLines, Csv], pagination_class=None)
    def export(self, request: Request, *args: Any) -> HttpResponseBase:
        """All that fits, as JSON lines or as CSV, in one answer. That it was taken is recorded."""
        asked = wanted(request, FindingExportFilter)
        form = asked.pop("format", request.accepted_renderer.format)
        return exported(asked, form=str(form), by=me(request))
