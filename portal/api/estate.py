"""The estate from above, and what was changed there behind the portal's back."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lifecycle.estate import tree
from lifecycle.models import Datastore, Drift, Endpoint
from lifecycle.operations import drift as drifting
from portal.api.asking import Strict, me, wanted
from portal.api.endpoints import EndpointNameSerializer
from portal.api.fields import AskedRow
from portal.api.guarded import Guarded
from portal.api.listing import Listed
from portal.api.operations import OperationSerializer
from portal.api.permissions import OfTheHouse


class UseSerializer(serializers.Serializer[tree.Use]):
    machines = serializers.IntegerField()
    running = serializers.IntegerField()
    vcpus = serializers.IntegerField(help_text="Of running machines; so is memory.")
    memory_mib = serializers.IntegerField()


class HostNodeSerializer(serializers.Serializer[tree.HostNode]):
    id = serializers.IntegerField(source="host.pk")
    name = serializers.CharField(source="host.name")
    cpus = serializers.IntegerField(source="host.cpus")
    memory_mib = serializers.IntegerField(source="host.memory_mib")
    use = UseSerializer()


class PoolNodeSerializer(serializers.Serializer[tree.PoolNode]):
    id = serializers.IntegerField(source="pool.pk")
    name = serializers.CharField(source="pool.name")
    use = UseSerializer()
    hosts = HostNodeSerializer(many=True)


class StoreNodeSerializer(serializers.ModelSerializer[Datastore]):
    class Meta:
        model = Datastore
        fields = ["id", "name", "capacity_mib", "free_mib", "shared"]


class EndpointNodeSerializer(serializers.Serializer[tree.EndpointNode]):
    endpoint = EndpointNameSerializer()
    use = UseSerializer()
    pools = serializers.SerializerMethodField(help_text="Of the endpoint that was asked for; null for the others.")
    datastores = serializers.SerializerMethodField()

    @extend_schema_field(PoolNodeSerializer(many=True, allow_null=True))
    def get_pools(self, node: tree.EndpointNode) -> Any:
        return [PoolNodeSerializer(each).data for each in node.pools] if node.opened else None

    @extend_schema_field(StoreNodeSerializer(many=True, allow_null=True))
    def get_datastores(self, node: tree.EndpointNode) -> Any:
        return [StoreNodeSerializer(each).data for each in node.datastores] if node.opened else None


class EstateFilter(Strict):
    endpoint = AskedRow(queryset=Endpoint.objects.all(), required=False, help_text="Of which the parts are told.")


class EstateView(Guarded, APIView):
    """Endpoints and what running machines were given of them. Sums are at most a minute old."""

    permission_classes = [OfTheHouse]

    @extend_schema(tags=["estate"], parameters=[EstateFilter], responses=EndpointNodeSerializer(many=True))
    def get(self, request: Request) -> Response:
        opened = wanted(request, EstateFilter).get("endpoint")
        return Response([EndpointNodeSerializer(node).data for node in tree.estate(opened)])


class DriftSerializer(serializers.ModelSerializer[Drift]):
    """A column of a held machine that is not as it was agreed; memory and disk in MiB."""

    machine = serializers.IntegerField(source="machine_id", read_only=True)
    machine_name = serializers.CharField(source="machine.name", read_only=True)

    class Meta:
        model = Drift
        fields = ["id", "machine", "machine_name", "column", "ours", "theirs", "since", "ended_at", "end"]


class DriftFilter(Strict):
    endpoint = AskedRow(queryset=Endpoint.objects.all(), required=False)


@extend_schema(tags=["estate"])
class DriftViewSet(mixins.RetrieveModelMixin, Listed[Drift]):
    """What was changed on hypervisors behind the portal's back, newest first."""

    permission_classes = [OfTheHouse]
    serializer_class = DriftSerializer
    filter_shape = DriftFilter
    page_key = ("-since", "-id")
    queryset = Drift.objects.none()

    def get_queryset(self) -> QuerySet[Drift]:
        found = Drift.objects.select_related("machine__endpoint")
        if self.action != "list":
            return found
        asked = self.filters()
        found = found.filter(ended_at=None)
        return found.filter(machine__endpoint=asked["endpoint"]) if asked.get("endpoint") else found

    @extend_schema(request=None, responses=DriftSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        """It is agreed from now on as the hypervisor has it."""
        return Response(DriftSerializer(drifting.accept(self.get_object(), by=me(request))).data)

    @extend_schema(request=None, responses={202: OperationSerializer})
    @action(detail=True, methods=["post"], url_path="put-back")
    def put_back(self, request: Request, pk: str) -> Response:
        """Has the hypervisor make it as it was; the answer is the operation."""
        operation = drifting.put_back(self.get_object(), by=me(request))
        return Response(OperationSerializer(operation).data, status=status.HTTP_202_ACCEPTED)
