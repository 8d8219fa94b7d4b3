"""Machines that run and that nobody holds, and giving one of them a holder."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.models import Endpoint, Finding, Machine, Team, User
from lifecycle.sprawl.adoption import assign_holder
from lifecycle.sprawl.models import Kind
from lifecycle.sprawl.queries import orphans
from portal.api.asking import Strict, me, sent
from portal.api.candidates import CandidateSerializer, candidates_of
from portal.api.endpoints import EndpointNameSerializer
from portal.api.fields import AskedRow, Day, Row
from portal.api.listing import Listed
from portal.api.machines import MachineSerializer, described
from portal.api.permissions import OfTheHouse


class FoundMachineSerializer(serializers.ModelSerializer[Machine]):
    """What the hypervisor says of it; `note` and names are whatever people wrote there."""

    endpoint = EndpointNameSerializer(read_only=True)
    addresses = serializers.ListField(child=serializers.CharField(), read_only=True)
    power_at = serializers.DateTimeField(source="last_seen_at", read_only=True)
    seen_at = serializers.DateTimeField(source="last_seen_at", read_only=True)

    class Meta:
        model = Machine
        fields = [
            "id", "uuid", "name", "endpoint", "power", "power_at", "vcpus", "memory_mib", "disk_mib", "addresses",
            "guest_name", "note", "created_by", "created_at", "first_seen_at", "seen_at", "idle_since",
        ]  # fmt: skip


class EvidenceSerializer(serializers.Serializer[Any]):
    what = serializers.CharField()
    value = serializers.CharField()


class OrphanSerializer(serializers.ModelSerializer[Finding]):
    machine = FoundMachineSerializer(read_only=True)
    evidence = EvidenceSerializer(many=True, read_only=True)

    class Meta:
        model = Finding
        fields = ["id", "machine", "since", "ended_at", "cents_per_month", "evidence"]


class OrphanDetailSerializer(OrphanSerializer):
    """With whose it might be, the likeliest first."""

    candidates = serializers.SerializerMethodField()

    class Meta(OrphanSerializer.Meta):
        fields = [*OrphanSerializer.Meta.fields, "candidates"]

    @extend_schema_field(CandidateSerializer(many=True))
    def get_candidates(self, finding: Finding) -> Any:
        return CandidateSerializer(candidates_of(finding.on_machine), many=True).data


class OrphanFilter(Strict):
    q = serializers.CharField(required=False, max_length=200, help_text="Part of a name, address, note or creator.")
    endpoint = AskedRow(queryset=Endpoint.objects.all(), required=False)


class AssignInput(Strict):
    """Either a holder or a team."""

    holder = Row(
        queryset=User.objects.filter(is_active=True).select_related("cost_centre", "team__cost_centre"),
        required=False,
        allow_null=True,
    )
    team = Row(queryset=Team.objects.select_related("cost_centre"), required=False, allow_null=True)
    purpose = serializers.CharField(max_length=1000)
    last_day = Day()


@extend_schema(tags=["orphans"])
class OrphanViewSet(mixins.RetrieveModelMixin, Listed[Finding]):
    """Machines that run on a hypervisor and that nobody holds, dearest first."""

    permission_classes = [OfTheHouse]
    serializer_class = OrphanSerializer
    filter_shape = OrphanFilter
    page_key = ("-cents_per_month", "-id")
    queryset = Finding.objects.none()

    def get_queryset(self) -> QuerySet[Finding]:
        if self.action == "list":
            return orphans(me(self.request), **self.filters())
        # One that ended stays where it was, so that a second assignment hears why it comes too late.
        return Finding.objects.visible_to(me(self.request)).filter(kind=Kind.ORPHAN).select_related("machine__endpoint")

    def get_serializer_class(self) -> type[OrphanSerializer]:
        return OrphanDetailSerializer if self.action == "retrieve" else OrphanSerializer

    @extend_schema(request=AssignInput, responses=MachineSerializer)
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: str) -> Response:
        """Gives the machine a holder, a purpose and an end date; from then on it is charged."""
        lease = assign_holder(self.get_object(), by=me(request), **sent(request, AssignInput))
        return Response(described([Machine.objects.get(pk=lease.machine_id)])[0])
