"""For administrators: endpoints, orphans, operations, brakes and the audit record."""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lifecycle.estate.actions import add_endpoint, set_mode
from lifecycle.models import Endpoint, Entry, Finding, Operation
from lifecycle.operations import actions as operations
from lifecycle.operations import queries
from lifecycle.sprawl.adoption import assign_holder
from lifecycle.sprawl.queries import orphans
from portal.api.asking import me
from portal.api.inputs import AssignInput, EndpointInput, ModeInput, ReasonInput
from portal.api.machines import described
from portal.api.permissions import IsAdmin
from portal.api.serializers import (
    AdminOperationSerializer,
    EndpointSerializer,
    EntrySerializer,
    MachineSerializer,
    OrphanSerializer,
)


@extend_schema(tags=["endpoints"])
class EndpointViewSet(viewsets.ReadOnlyModelViewSet[Endpoint]):
    """Hypervisors. A new one is only watched."""

    permission_classes = [IsAdmin]
    serializer_class = EndpointSerializer
    lookup_value_regex = r"\d{1,18}"
    queryset = Endpoint.objects.all()
    page_key = ("name", "id")

    @extend_schema(request=EndpointInput, responses={201: EndpointSerializer})
    def create(self, request: Request) -> Response:
        given = EndpointInput(data=request.data)
        given.is_valid(raise_exception=True)
        endpoint = add_endpoint(by=me(request), **given.validated_data)
        return Response(EndpointSerializer(endpoint).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=ModeInput, responses=EndpointSerializer)
    @action(detail=True, methods=["post"])
    def mode(self, request: Request, pk: str) -> Response:
        """Observe: only read. Manage: the portal may change things there."""
        given = ModeInput(data=request.data)
        given.is_valid(raise_exception=True)
        mode = Endpoint.Mode(given.validated_data["mode"])
        endpoint = set_mode(self.get_object(), mode, by=me(request), reason=given.validated_data["reason"])
        return Response(EndpointSerializer(endpoint).data)

    @extend_schema(request=None, responses={202: None})
    @action(detail=True, methods=["post"])
    def scan(self, request: Request, pk: str) -> Response:
        """Asks for a scan now."""
        current_app.send_task("lifecycle.tasks.sync_endpoint", args=[self.get_object().pk])
        return Response(status=status.HTTP_202_ACCEPTED)


@extend_schema(tags=["findings"])
class OrphanViewSet(viewsets.ReadOnlyModelViewSet[Finding]):
    """Machines that run on a hypervisor and that nobody holds, dearest first."""

    permission_classes = [IsAdmin]
    serializer_class = OrphanSerializer
    lookup_value_regex = r"\d{1,18}"
    page_key = ("-cents_per_month", "-id")

    def get_queryset(self) -> QuerySet[Finding]:
        return orphans(q=self.request.query_params.get("q", "")[:200]).select_related("machine__endpoint")

    @extend_schema(parameters=[OpenApiParameter("q", str, description="Part of a name, note or creator.")])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @extend_schema(request=AssignInput, responses=MachineSerializer)
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: str) -> Response:
        """Gives the machine a holder, a purpose and an end date; from then on it is charged."""
        given = AssignInput(data=request.data)
        given.is_valid(raise_exception=True)
        lease = assign_holder(self.get_object(), by=me(request), **given.validated_data)
        return Response(described([lease.machine])[0])


@extend_schema(tags=["operations"])
class OperationViewSet(mixins.RetrieveModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet[Operation]):
    """All work on hypervisors, newest first."""

    permission_classes = [IsAdmin]
    serializer_class = AdminOperationSerializer
    lookup_value_regex = r"\d{1,18}"
    page_key = ("-id",)

    def get_queryset(self) -> QuerySet[Operation]:
        found = queries.recent()
        return found.filter(state__in=Operation.OPEN) if self.request.query_params.get("open") == "true" else found

    @extend_schema(parameters=[OpenApiParameter("open", bool, description="Only what has not ended.")])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @extend_schema(request=None, responses=AdminOperationSerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Ends a back-off."""
        operations.retry_now(self.get_object(), by=me(request))
        return self.retrieve(request)

    @extend_schema(request=ReasonInput, responses=AdminOperationSerializer)
    @action(detail=True, methods=["post"])
    def clear(self, request: Request, pk: str) -> Response:
        """Lets a removal pass the blast radius."""
        given = ReasonInput(data=request.data)
        given.is_valid(raise_exception=True)
        operations.clear(self.get_object(), by=me(request), reason=given.validated_data["reason"])
        return self.retrieve(request)


@extend_schema(tags=["operations"])
class PauseView(APIView):
    """The global pause: while it is set, nothing is changed on any hypervisor."""

    permission_classes = [IsAdmin]
    SHAPE = {200: {"type": "object", "properties": {"paused": {"type": "boolean"}, "reason": {"type": "string"}}}}

    @extend_schema(responses=SHAPE)
    def get(self, request: Request) -> Response:
        brake = queries.brake()
        return Response({"paused": brake is not None, "reason": brake.reason if brake else ""})

    @extend_schema(request=ReasonInput, responses=SHAPE)
    def post(self, request: Request) -> Response:
        given = ReasonInput(data=request.data)
        given.is_valid(raise_exception=True)
        operations.pause(by=me(request), reason=given.validated_data["reason"])
        return self.get(request)

    @extend_schema(responses=SHAPE)
    def delete(self, request: Request) -> Response:
        operations.resume(by=me(request))
        return self.get(request)


@extend_schema(tags=["audit"])
class EntryViewSet(mixins.RetrieveModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet[Entry]):
    """Who did what, newest first."""

    permission_classes = [IsAdmin]
    serializer_class = EntrySerializer
    lookup_value_regex = r"\d{1,18}"
    queryset = Entry.objects.all()
    page_key = ("-at", "-id")
