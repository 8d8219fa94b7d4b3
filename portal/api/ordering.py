"""The catalogue, prices, and requests with their decisions."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request as HttpRequest
from rest_framework.response import Response
from rest_framework.views import APIView

from lifecycle import clock
from lifecycle.catalog.queries import offered
from lifecycle.errors import Invalid
from lifecycle.leases.actions import end_of
from lifecycle.models import Blueprint, Operation, Request
from lifecycle.money.quotes import quote
from lifecycle.operations.queries import current_of
from lifecycle.requests import actions
from lifecycle.requests.checks import check_last_day
from lifecycle.requests.queries import inbox, requests_of
from portal.api.asking import me
from portal.api.inputs import ApproveInput, CommentInput, QuoteInput, RequestInput
from portal.api.serializers import BlueprintSerializer, OperationSerializer, QuoteSerializer, RequestSerializer


@extend_schema(tags=["catalogue"])
class BlueprintViewSet(viewsets.ReadOnlyModelViewSet[Blueprint]):
    """What can be ordered."""

    serializer_class = BlueprintSerializer
    lookup_value_regex = r"\d{1,18}"
    page_key = ("position", "id")

    def get_queryset(self) -> QuerySet[Blueprint]:
        return offered()


@extend_schema(tags=["catalogue"])
class QuoteView(APIView):
    """The price of an order, before it is sent."""

    @extend_schema(request=QuoteInput, responses=QuoteSerializer)
    def post(self, request: HttpRequest) -> Response:
        given = QuoteInput(data=request.data)
        given.is_valid(raise_exception=True)
        blueprint, size = given.validated_data["blueprint"], given.validated_data["size"]
        now = clock.now()
        ends_at = end_of(given.validated_data["last_day"], me(request).tz)
        if problem := check_last_day(blueprint, ends_at, now=now):
            raise Invalid(problem, field="last_day")
        price = quote(
            vcpus=size.vcpus, memory_mib=size.memory_mib, disk_mib=size.disk_mib, starts_at=now, ends_at=ends_at
        )
        return Response(QuoteSerializer(price).data)


@extend_schema(tags=["requests"])
class RequestViewSet(mixins.RetrieveModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet[Request]):
    """Requests one made, decides or decided; `waiting=true` is the inbox of whoever decides, oldest first."""

    serializer_class = RequestSerializer
    lookup_value_regex = r"\d{1,18}"

    @property
    def page_key(self) -> tuple[str, str]:
        return ("created_at", "id") if self._inbox else ("-created_at", "-id")

    @property
    def _inbox(self) -> bool:
        return self.action == "list" and self.request.query_params.get("waiting") == "true"

    def get_queryset(self) -> QuerySet[Request]:
        found = inbox(me(self.request)) if self._inbox else requests_of(me(self.request))
        return found.prefetch_related("steps__approver", "steps__decided_by")

    @extend_schema(parameters=[OpenApiParameter("waiting", bool, description="Only what waits for my decision.")])
    def list(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @extend_schema(
        request=RequestInput,
        responses={201: RequestSerializer},
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
    )
    def create(self, request: HttpRequest) -> Response:
        """Asks for a machine, for oneself or one's team."""
        given = RequestInput(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        key = values.pop("key", "") or request.headers.get("Idempotency-Key", "")[:64] or uuid.uuid4().hex
        made = actions.submit(key=key, by=me(request), **values)
        return Response(self._described(made), status=status.HTTP_201_CREATED)

    @extend_schema(request=ApproveInput, responses=RequestSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: HttpRequest, pk: str) -> Response:
        given = ApproveInput(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(self._described(actions.approve(self.get_object(), by=me(request), **given.validated_data)))

    @extend_schema(request=CommentInput, responses=RequestSerializer)
    @action(detail=True, methods=["post"])
    def refuse(self, request: HttpRequest, pk: str) -> Response:
        given = CommentInput(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(self._described(actions.refuse(self.get_object(), by=me(request), **given.validated_data)))

    @extend_schema(request=None, responses=RequestSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: HttpRequest, pk: str) -> Response:
        return Response(self._described(actions.cancel(self.get_object(), by=me(request))))

    @extend_schema(responses={200: OperationSerializer(allow_null=True)})
    @action(detail=True)
    def operation(self, request: HttpRequest, pk: str) -> Response:
        """The work under way for this request, or null."""
        found = self.get_object()
        operation: Operation | None = current_of(found.machine) if found.machine else None
        return Response(OperationSerializer(operation).data if operation else None)

    def _described(self, made: Request) -> dict[str, Any]:
        return RequestSerializer(requests_of(me(self.request)).get(pk=made.pk)).data
