"""Machines: lists, one machine, its power, its lease."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle import clock
from lifecycle.errors import Conflict, Invalid
from lifecycle.estate.queries import machine_list
from lifecycle.leases import actions as leases
from lifecycle.models import Lease, Machine, Stage
from lifecycle.money.queries import cost_so_far
from lifecycle.money.quotes import monthly_cents_of
from lifecycle.operations import power
from portal.api.asking import me
from portal.api.inputs import LastDayInput, ReasonInput
from portal.api.serializers import MachineSerializer, OperationSerializer


def described(machines: list[Machine]) -> list[dict[str, Any]]:
    """Machines with their prices, in one query for all of them."""
    return list(MachineSerializer(machines, many=True, context={"prices": monthly_cents_of(machines)}).data)


@extend_schema(tags=["machines"])
class MachineViewSet(mixins.RetrieveModelMixin, viewsets.GenericViewSet[Machine]):
    """What one may see: held, one's team's, one's reports', or granted."""

    serializer_class = MachineSerializer
    lookup_value_regex = r"\d{1,18}"
    page_key = ("next_at", "id")

    def get_queryset(self) -> QuerySet[Machine]:
        params = self.request.query_params
        stage = params.get("stage")
        if stage and stage not in Stage.values:
            raise Invalid(f"There is no stage {stage!r}.", field="stage")
        every = list(Stage) if self.action != "list" else None
        found = machine_list(
            me(self.request), q=params.get("q", "")[:200], stage=Stage(stage) if stage else every,
            mine=params.get("mine") == "true",
        )  # fmt: skip
        return found.select_related("lease", "endpoint", "holder", "team", "cost_centre")

    @extend_schema(
        parameters=[
            OpenApiParameter("q", str, description="Part of a name, address, holder or purpose."),
            OpenApiParameter("stage", str, enum=Stage.values),
            OpenApiParameter("mine", bool, description="Only what I hold myself."),
        ],
        responses=MachineSerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        rows = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(described(rows or []))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(described([self.get_object()])[0])

    @extend_schema(responses={200: {"type": "object", "properties": {"cents": {"type": "integer"}}}})
    @action(detail=True)
    def cost(self, request: Request, pk: str) -> Response:
        """What it has cost its present holder so far, in cents."""
        return Response({"cents": cost_so_far(self.get_object(), now=clock.now())})

    @extend_schema(request=None, responses={202: OperationSerializer})
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: str) -> Response:
        return self._operation(power.start(self.get_object(), by=me(request)))

    @extend_schema(request=None, responses={202: OperationSerializer})
    @action(detail=True, methods=["post"], url_path="shut-down")
    def shut_down(self, request: Request, pk: str) -> Response:
        return self._operation(power.shut_down(self.get_object(), by=me(request)))

    @extend_schema(request=None, responses={202: OperationSerializer})
    @action(detail=True, methods=["post"])
    def restart(self, request: Request, pk: str) -> Response:
        return self._operation(power.restart(self.get_object(), by=me(request)))

    @extend_schema(request=LastDayInput, responses=MachineSerializer)
    @action(detail=True, methods=["post"])
    def extend(self, request: Request, pk: str) -> Response:
        given = LastDayInput(data=request.data)
        given.is_valid(raise_exception=True)
        leases.extend(self._lease(), last_day=given.validated_data["last_day"], by=me(request))
        return self.retrieve(request)

    @extend_schema(request=None, responses=MachineSerializer)
    @action(detail=True, methods=["post"], url_path="give-back")
    def give_back(self, request: Request, pk: str) -> Response:
        """Ends the lease now. The machine is stopped, kept for its grace, and can be restored until then."""
        leases.give_back(self._lease(), by=me(request))
        return self.retrieve(request)

    @extend_schema(request=None, responses=MachineSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        leases.restore(self._lease(), by=me(request))
        return self.retrieve(request)

    @extend_schema(request=ReasonInput, responses=MachineSerializer)
    @action(detail=True, methods=["post"])
    def hold(self, request: Request, pk: str) -> Response:
        given = ReasonInput(data=request.data)
        given.is_valid(raise_exception=True)
        leases.hold(self._lease(), by=me(request), reason=given.validated_data["reason"])
        return self.retrieve(request)

    @extend_schema(request=None, responses=MachineSerializer)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> Response:
        leases.release_hold(self._lease(), by=me(request))
        return self.retrieve(request)

    def _lease(self) -> Lease:
        machine = self.get_object()
        lease = getattr(machine, "lease", None)
        if lease is None:
            raise Conflict("Nobody holds this machine; it has no lease.")
        return lease

    @staticmethod
    def _operation(operation: Any) -> Response:
        return Response(OperationSerializer(operation).data, status=202)
