"""How the engine does: what the operations page says above the work."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.models import Endpoint
from lifecycle.operations import health, queries
from portal.api.asking import NoFilter, wanted
from portal.api.guarded import Guarded
from portal.api.operations import PauseSerializer, pause_now
from portal.api.permissions import OfTheHouse


class EndpointHealthSerializer(serializers.Serializer[Any]):
    """`failing_since` is null while it answers; while it `rests`, nothing is asked of it until `rests_until`."""

    id = serializers.IntegerField(source="endpoint.pk")
    name = serializers.CharField(source="endpoint.name")
    mode = serializers.ChoiceField(Endpoint.Mode.choices, source="endpoint.mode")
    failing_since = serializers.DateTimeField(source="endpoint.failing_since", allow_null=True)
    failures = serializers.IntegerField(source="endpoint.failures", help_text="In a row.")
    rests = serializers.BooleanField()
    rests_until = serializers.DateTimeField(source="endpoint.rests_until", allow_null=True)
    running = serializers.IntegerField(help_text="Work under way; at most `parallel` at a time.")
    parallel = serializers.IntegerField(source="endpoint.parallel")
    waiting = serializers.IntegerField(help_text="Work that has not begun.")


MOST_NAMED = 50


class SignSerializer(serializers.Serializer[Any]):
    """A sign of life: of the sweep, which finds work, or of a worker, which does it."""

    name = serializers.CharField(help_text="`sweep`, or the host of a worker.")
    is_worker = serializers.BooleanField()
    seen_at = serializers.DateTimeField(source="at")
    alive = serializers.BooleanField(help_text="It was seen lately.")
    clock_ahead = serializers.FloatField(source="ahead", help_text="Seconds before the database's clock.")
    fits = serializers.BooleanField(help_text="Its clock agrees; a worker whose clock does not takes no work.")


class HealthSerializer(serializers.Serializer[Any]):
    pause = PauseSerializer()
    endpoints = EndpointHealthSerializer(many=True)
    signs = SignSerializer(many=True)
    abandoned = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="Some machines being built, stopped or removed without open work. There should be none.",
    )


@extend_schema(tags=["operations"])
class HealthView(Guarded):
    """Each endpoint with its breaker and its load, the pause, and the workers with their clocks."""

    permission_classes = [OfTheHouse]

    @extend_schema(responses=HealthSerializer)
    def get(self, request: Request) -> Response:
        wanted(request, NoFilter)
        found = {"pause": pause_now(), "endpoints": health.endpoints(), "signs": health.signs()}
        found["abandoned"] = list(queries.abandoned().values_list("pk", flat=True)[:MOST_NAMED])
        return Response(HealthSerializer(found).data)
