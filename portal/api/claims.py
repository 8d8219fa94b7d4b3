"""The board of machines that nobody holds, and claims of those who say that one is theirs."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.models import BoardPlace, Claim, Machine
from lifecycle.sprawl import board, claims
from portal.api.asking import Strict, me, sent
from portal.api.fields import Day, Row
from portal.api.listing import Listed
from portal.api.people import PersonSerializer


class BoardSerializer(serializers.ModelSerializer[BoardPlace]):
    """A machine as everybody may see it. `id` is the machine's."""

    id = serializers.IntegerField(source="machine_id", read_only=True)
    name = serializers.CharField(source="machine.name", read_only=True)
    guest_name = serializers.CharField(source="machine.guest_name", read_only=True)
    vcpus = serializers.IntegerField(source="machine.vcpus", read_only=True)
    memory_mib = serializers.IntegerField(source="machine.memory_mib", read_only=True)
    disk_mib = serializers.IntegerField(source="machine.disk_mib", read_only=True)
    power = serializers.CharField(source="machine.power", read_only=True)
    created_at = serializers.DateTimeField(source="machine.created_at", read_only=True, allow_null=True)
    first_seen_at = serializers.DateTimeField(source="machine.first_seen_at", read_only=True, allow_null=True)

    class Meta:
        model = BoardPlace
        fields = [
            "id", "name", "guest_name", "vcpus", "memory_mib", "disk_mib", "power", "created_at", "first_seen_at", "at",
        ]  # fmt: skip


class BoardInput(Strict):
    machines = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=10**18), min_length=1, max_length=10_000,
        help_text="Ids of machines; those that have a holder, or need none, are passed over.",
    )  # fmt: skip


class PutUpSerializer(serializers.Serializer[Any]):
    put_up = serializers.IntegerField(help_text="How many were not on the board before.")


@extend_schema(tags=["board"])
class BoardViewSet(mixins.RetrieveModelMixin, Listed[BoardPlace]):
    """Machines that an administrator asks everybody about, the latest first."""

    serializer_class = BoardSerializer
    page_key = ("-at", "-machine_id")
    queryset = BoardPlace.objects.none()

    def get_queryset(self) -> QuerySet[BoardPlace]:
        return board.shown()

    @extend_schema(request=BoardInput, responses={201: PutUpSerializer})
    def create(self, request: Request) -> Response:
        """Puts machines on the board. For administrators."""
        machines = Machine.objects.filter(pk__in=sent(request, BoardInput)["machines"])
        put = board.put_up(machines, by=me(request))
        return Response({"put_up": put}, status=status.HTTP_201_CREATED)

    def destroy(self, request: Request, pk: str) -> Response:
        """Takes a machine off the board. For administrators."""
        board.take_down([self.get_object().machine], by=me(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ClaimSerializer(serializers.ModelSerializer[Claim]):
    machine = serializers.IntegerField(source="machine_id", read_only=True)
    machine_name = serializers.CharField(source="machine.name", read_only=True)
    by = PersonSerializer(read_only=True)
    decided_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Claim
        fields = [
            "id", "machine", "machine_name", "by", "for_team", "reason", "purpose", "last_day", "state", "at",
            "decided_by", "decided_at", "answer",
        ]  # fmt: skip


class ClaimFilter(Strict):
    state = serializers.ChoiceField(choices=Claim.State.choices, required=False)
    mine = serializers.BooleanField(required=False, help_text="Only one's own.")


class ClaimInput(Strict):
    machine = Row(queryset=Machine.objects.filter(board_place__isnull=False), help_text="One that is on the board.")
    for_team = serializers.BooleanField(default=False, help_text="For one's team instead of oneself.")
    reason = serializers.CharField(max_length=500)
    purpose = serializers.CharField(max_length=1000)
    last_day = Day()


class AcceptInput(Strict):
    last_day = Day(required=False, allow_null=True, help_text="In place of the day that was asked for.")


class RefuseInput(Strict):
    words = serializers.CharField(max_length=500)


@extend_schema(tags=["board"])
class ClaimViewSet(mixins.RetrieveModelMixin, Listed[Claim]):
    """One's own claims; all for administrators and auditors. Newest first."""

    serializer_class = ClaimSerializer
    filter_shape = ClaimFilter
    page_key = ("-at", "-id")
    queryset = Claim.objects.none()

    def get_queryset(self) -> QuerySet[Claim]:
        found, asked = claims.visible_to(me(self.request)), self.filters() if self.action == "list" else {}
        if asked.get("mine"):
            found = found.filter(by=me(self.request))
        return found.filter(state=asked["state"]) if "state" in asked else found

    @extend_schema(request=ClaimInput, responses={201: ClaimSerializer})
    def create(self, request: Request) -> Response:
        """Says that a machine on the board is one's own, or one's team's."""
        made = claims.claim(by=me(request), **sent(request, ClaimInput))
        return Response(ClaimSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=AcceptInput, responses=ClaimSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        """Gives the machine to whoever claimed it; other claims are overtaken. For administrators, never their own."""
        claims.accept(self.get_object(), by=me(request), **sent(request, AcceptInput))
        return self.retrieve(request)

    @extend_schema(request=RefuseInput, responses=ClaimSerializer)
    @action(detail=True, methods=["post"])
    def refuse(self, request: Request, pk: str) -> Response:
        """For administrators, never their own."""
        refused = claims.refuse(self.get_object(), by=me(request), **sent(request, RefuseInput))
        return Response(ClaimSerializer(refused).data)

    @extend_schema(request=None, responses=ClaimSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        return Response(ClaimSerializer(claims.withdraw(self.get_object(), by=me(request))).data)
