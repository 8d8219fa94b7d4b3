"""Work on hypervisors: what is under way, what waits and why, and the brake for all of it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.models import Endpoint, Operation
from lifecycle.operations import actions, queries
from portal.api.asking import ReasonInput, Strict, me, sent
from portal.api.endpoints import EndpointNameSerializer
from portal.api.fields import AskedRow
from portal.api.guarded import Guarded
from portal.api.listing import Listed
from portal.api.people import PersonSerializer
from portal.api.permissions import OfTheHouse


class OperationSerializer(serializers.ModelSerializer[Operation]):
    """`waits_for` says why it does not go on; `error` is a sentence for the holder."""

    machine = serializers.IntegerField(source="machine_id", read_only=True)

    class Meta:
        model = Operation
        fields = [
            "id", "machine", "kind", "purpose", "state", "progress", "step", "waits_for", "error_code", "error",
            "created_at", "started_at", "ended_at",
        ]  # fmt: skip


class AdminOperationSerializer(OperationSerializer):
    """For administrators: with the hypervisor's own words."""

    machine_name = serializers.CharField(source="machine.name", read_only=True)
    endpoint = EndpointNameSerializer(read_only=True)
    asked_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta(OperationSerializer.Meta):
        fields = [
            *OperationSerializer.Meta.fields, "machine_name", "endpoint", "asked_by", "attempt", "next_try_at",
            "destructive", "cleared_at", "native_error",
        ]  # fmt: skip


class OperationFilter(Strict):
    open = serializers.BooleanField(required=False, help_text="Only what has not ended, or only what has.")
    endpoint = AskedRow(queryset=Endpoint.objects.all(), required=False, help_text="Only work on this endpoint.")


class PauseSerializer(serializers.Serializer[Any]):
    paused = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True)
    since = serializers.DateTimeField(allow_null=True)
    by = PersonSerializer(allow_null=True)


@extend_schema(tags=["operations"])
class OperationViewSet(mixins.RetrieveModelMixin, Listed[Operation]):
    """All work on hypervisors, newest first."""

    permission_classes = [OfTheHouse]
    serializer_class = AdminOperationSerializer
    filter_shape = OperationFilter
    page_key = ("-id",)
    queryset = Operation.objects.none()

    def get_queryset(self) -> QuerySet[Operation]:
        found = queries.recent()
        if self.action != "list":
            return found
        asked = self.filters()
        if asked.get("endpoint"):
            found = found.filter(endpoint=asked["endpoint"])
        if "open" in asked:
            found = found.filter(state__in=Operation.OPEN) if asked["open"] else found.exclude(state__in=Operation.OPEN)
        return found

    @extend_schema(request=None, responses=AdminOperationSerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Ends a back-off: it is tried now."""
        actions.retry_now(self.get_object(), by=me(request))
        return self.retrieve(request)

    @extend_schema(request=ReasonInput, responses=AdminOperationSerializer)
    @action(detail=True, methods=["post"])
    def clear(self, request: Request, pk: str) -> Response:
        """Lets a removal pass the blast radius."""
        actions.clear(self.get_object(), by=me(request), **sent(request, ReasonInput))
        return self.retrieve(request)


@extend_schema(tags=["operations"], responses=PauseSerializer)
class PauseView(Guarded):
    """The global pause: while it is set, nothing is changed on any hypervisor."""

    permission_classes = [OfTheHouse]

    def get(self, request: Request) -> Response:
        brake = queries.brake()
        free = {"reason": "", "since": None, "by": None}
        held = {name: getattr(brake, name) for name in free} if brake else free
        return Response(PauseSerializer({"paused": brake is not None, **held}).data)

    @extend_schema(request=ReasonInput)
    def post(self, request: Request) -> Response:
        """Pauses everything."""
        actions.pause(by=me(request), **sent(request, ReasonInput))
        return self.get(request)

    @extend_schema(responses={200: PauseSerializer})
    def delete(self, request: Request) -> Response:
        """Lets everything go on."""
        actions.resume(by=me(request))
        return self.get(request)
