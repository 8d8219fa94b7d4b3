"""Work on hypervisors: what is under way, what waits and why, what was decided, and the brake for all of it."""

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
    """`waits_for` says why it does not go on; `error` is a sentence for the holder.

    While it is open, a `verdict` is what somebody decided and a worker will carry out, and an `error_code` says that
    what it had begun is being cleared away.
    """

    machine = serializers.IntegerField(source="machine_id", read_only=True, allow_null=True)
    disk_file = serializers.IntegerField(
        source="disk_file_id",
        read_only=True,
        allow_null=True,
        help_text="Where the work is on one and not on a machine.",
    )

    class Meta:
        model = Operation
        fields = [
            "id", "machine", "disk_file", "kind", "purpose", "state", "progress", "step", "attempt", "waits_for",
            "verdict", "error_code", "error", "created_at", "started_at", "ended_at",
        ]  # fmt: skip


class AdminOperationSerializer(OperationSerializer):
    """For administrators and auditors: with the hypervisor's own words, and who decided what."""

    machine_name = serializers.CharField(source="machine.name", read_only=True, default="")
    disk_file_name = serializers.CharField(source="disk_file", read_only=True, allow_null=True)
    endpoint = EndpointNameSerializer(read_only=True)
    asked_by = PersonSerializer(read_only=True, allow_null=True)
    verdict_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta(OperationSerializer.Meta):
        fields = [
            *OperationSerializer.Meta.fields, "machine_name", "disk_file_name", "endpoint", "asked_by", "next_try_at",
            "deadline_at", "destructive", "cleared_at", "native_error", "verdict_by", "verdict_reason",
        ]  # fmt: skip


class OperationFilter(Strict):
    state = serializers.ChoiceField(
        list(queries.STATES), required=False, help_text="`open`: running or waiting; `ended`: all others."
    )
    open = serializers.BooleanField(required=False, help_text="Only what has not ended, or only what has.")
    kind = serializers.ChoiceField(Operation.Kind.choices, required=False)
    endpoint = AskedRow(queryset=Endpoint.objects.all(), required=False, help_text="Only work on this endpoint.")


class ResolveInput(ReasonInput):
    verdict = serializers.ChoiceField(
        [(verdict.value, verdict.label) for verdict in actions.BY_HAND],
        help_text="`done` is believed only when the hypervisor agrees; `failed` gives it up and touches nothing there.",
    )


class PauseSerializer(serializers.Serializer[Any]):
    paused = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True)
    since = serializers.DateTimeField(allow_null=True)
    by = PersonSerializer(allow_null=True)


def pause_now() -> dict[str, Any]:
    brake = queries.brake()
    free = {"reason": "", "since": None, "by": None}
    held = {name: getattr(brake, name) for name in free} if brake else free
    return {"paused": brake is not None, **held}


@extend_schema(tags=["operations"])
class OperationViewSet(mixins.RetrieveModelMixin, Listed[Operation]):
    """All work on hypervisors, newest first."""

    permission_classes = [OfTheHouse]
    serializer_class = AdminOperationSerializer
    filter_shape = OperationFilter
    page_key = ("-id",)
    queryset = Operation.objects.none()

    def get_queryset(self) -> QuerySet[Operation]:
        if self.action != "list":
            return queries.recent()
        asked = self.filters()
        found = queries.matching(**{name: asked[name] for name in ("state", "endpoint", "kind") if asked.get(name)})
        if "open" in asked:
            found = found.filter(state__in=queries.STATES["open" if asked["open"] else "ended"])
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

    @extend_schema(request=ReasonInput, responses=AdminOperationSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """It shall not happen: a worker ends it, and removes first what a creation has made so far."""
        actions.cancel(self.get_object(), by=me(request), **sent(request, ReasonInput))
        return self.retrieve(request)

    @extend_schema(request=ResolveInput, responses=AdminOperationSerializer)
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, pk: str) -> Response:
        """Somebody has looked at the hypervisor: it is done, or it is given up."""
        given = sent(request, ResolveInput)
        verdict = Operation.Verdict(given["verdict"])
        actions.resolve(self.get_object(), verdict, by=me(request), reason=given["reason"])
        return self.retrieve(request)


@extend_schema(tags=["operations"], responses=PauseSerializer)
class PauseView(Guarded):
    """The global pause: while it is set, nothing is changed on any hypervisor."""

    permission_classes = [OfTheHouse]

    def get(self, request: Request) -> Response:
        return Response(PauseSerializer(pause_now()).data)

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
