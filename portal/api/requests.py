"""Requests: asking for a machine, and deciding on it."""

from __future__ import annotations

import hashlib
import uuid

from django.db.models import QuerySet
from django.http import Http404
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request as HttpRequest
from rest_framework.response import Response

from lifecycle.errors import InvalidMany
from lifecycle.models import Blueprint, Operation, Request, Size, Step
from lifecycle.requests import actions
from lifecycle.requests.queries import inbox, requests_of
from portal.api import once
from portal.api.asking import Strict, me, sent
from portal.api.fields import Day, Row
from portal.api.listing import Listed
from portal.api.operations import OperationSerializer
from portal.api.people import PersonSerializer, TeamSerializer
from portal.api.seeds import ToldFields


class StepSerializer(serializers.ModelSerializer[Step]):
    """Without an approver, any administrator may decide."""

    approver = PersonSerializer(read_only=True, allow_null=True)
    decided_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Step
        fields = ["approver", "state", "decided_by", "decided_at", "comment"]


class RequestSerializer(ToldFields):
    """What was agreed is copied here: later changes of catalogue or prices change nothing."""

    requester = PersonSerializer(read_only=True)
    holder = PersonSerializer(read_only=True, allow_null=True)
    team = TeamSerializer(read_only=True, allow_null=True)
    cost_centre = serializers.CharField(source="cost_centre.code", read_only=True)
    blueprint = serializers.CharField(source="blueprint.name", read_only=True)
    size = serializers.CharField(source="size.name", read_only=True)
    machine = serializers.IntegerField(source="machine_id", read_only=True, allow_null=True)
    steps = StepSerializer(many=True, read_only=True)

    class Meta:
        model = Request
        fields = [
            "id", "requester", "holder", "team", "cost_centre", "blueprint", "size", "vcpus", "memory_mib", "disk_mib",
            "name", "purpose", "last_day", "ends_at", "cents_per_month", "cents_until_end", "rate_card", "state",
            "machine", "failure", "steps", "created_at", "lapses_at", "decided_at", "ended_at", *ToldFields.Meta.fields,
        ]  # fmt: skip


class RequestFilter(Strict):
    waiting = serializers.BooleanField(required=False, help_text="My inbox: what waits for my decision, oldest first.")
    mine = serializers.BooleanField(required=False, help_text="Only what I asked for.")
    state = serializers.ChoiceField(Request.State.choices, required=False)


class RequestInput(Strict):
    blueprint = Row(queryset=Blueprint.objects.select_related("image", "pool__endpoint"))
    size = Row(queryset=Size.objects.all())
    name = serializers.CharField(max_length=200)
    purpose = serializers.CharField(max_length=5000)
    last_day = Day(help_text="The machine stops in the evening of this day, in my zone.")
    for_team = serializers.BooleanField(default=False, help_text="My team holds it, not I.")
    hostname = serializers.CharField(max_length=63, required=False, help_text="Left out: its name.")
    ssh_keys = serializers.ListField(
        child=serializers.CharField(max_length=8192), required=False, max_length=50,
        help_text="Public keys that it lets in, one each; left out: all of mine.",
    )  # fmt: skip
    user_data = serializers.CharField(
        max_length=16_384, required=False, allow_blank=True, write_only=True, trim_whitespace=False,
        help_text="For cloud-init, 16 KiB at most. Kept encrypted, told to nobody, forgotten after the first start.",
    )  # fmt: skip


class ApproveInput(Strict):
    comment = serializers.CharField(default="", allow_blank=True, max_length=2000)
    cents_seen = serializers.IntegerField(
        required=False, min_value=0, help_text="`cents_until_end` as you saw it; refused when it is no longer so."
    )


class CommentInput(Strict):
    comment = serializers.CharField(max_length=2000, help_text="The requester reads it.")


@extend_schema(tags=["requests"])
class RequestViewSet(mixins.RetrieveModelMixin, Listed[Request]):
    """Requests one made, decides or decided, and one's team's; newest first."""

    serializer_class = RequestSerializer
    filter_shape = RequestFilter
    queryset = Request.objects.none()

    @property
    def page_key(self) -> tuple[str, str]:  # type: ignore[override]
        return ("created_at", "id") if self.filters().get("waiting") else ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[Request]:
        asked = self.filters() if self.action == "list" else {}
        found = (inbox if asked.get("waiting") else requests_of)(me(self.request))
        if asked.get("mine"):
            found = found.filter(requester=me(self.request))
        if "state" in asked:
            found = found.filter(state=asked["state"])
        return (
            found.select_related("seed")
            .defer("seed__user_data")
            .prefetch_related("steps__approver", "steps__decided_by")
        )

    @extend_schema(request=RequestInput, responses={201: RequestSerializer})
    @method_decorator(sensitive_variables("given"))
    def create(self, request: HttpRequest) -> Response:
        """Asks for a machine, for oneself or one's team."""
        given, key = sent(request, RequestInput), _key(request)
        try:
            made = actions.submit(key=key, by=me(request), **given)
        except InvalidMany as error:
            # Who shall hold it is asked here as "for my team?".
            raise InvalidMany({{"holder": "for_team"}.get(at, at): why for at, why in error.problems.items()}) from None
        return self._shown(made, status=status.HTTP_201_CREATED)

    @extend_schema(request=ApproveInput, responses=RequestSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: HttpRequest, pk: str) -> Response:
        """Allows it: the machine is built now."""
        return self._shown(actions.approve(self.get_object(), by=me(request), **sent(request, ApproveInput)))

    @extend_schema(request=CommentInput, responses=RequestSerializer)
    @action(detail=True, methods=["post"])
    def refuse(self, request: HttpRequest, pk: str) -> Response:
        return self._shown(actions.refuse(self.get_object(), by=me(request), **sent(request, CommentInput)))

    @extend_schema(request=None, responses=RequestSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: HttpRequest, pk: str) -> Response:
        """Withdraws it, or takes back what is being built: that is `cancelled` once nothing is left of it."""
        return self._shown(actions.cancel(self.get_object(), by=me(request)))

    @extend_schema(responses=OperationSerializer)
    @action(detail=True)
    def operation(self, request: HttpRequest, pk: str) -> Response:
        """The work that builds the machine: how far it is, or why it waits. 404 before the decision."""
        made = Operation.objects.filter(machine__request=self.get_object(), kind=Operation.Kind.CREATE)
        if (latest := made.order_by("-pk").first()) is None:
            raise Http404
        return Response(OperationSerializer(latest).data)

    def _shown(self, made: Request, *, status: int = status.HTTP_200_OK) -> Response:
        return Response(RequestSerializer(self.get_queryset().get(pk=made.pk)).data, status=status)


def _key(request: HttpRequest) -> str:
    """The order's own key, which holds for ever and also where a process died between the work and its answer.

    Two people may choose the same one; without one, every submission is its own.
    """
    given = once.key_of(request)
    if given is None:
        return uuid.uuid4().hex
    return hashlib.sha256(f"{me(request).pk}:{given}:{once.digest_of(request)}".encode()).hexdigest()
