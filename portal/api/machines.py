"""Machines: lists, one machine, its power, its lease, its history."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle import clock
from lifecycle.errors import Conflict
from lifecycle.estate.queries import machine_list
from lifecycle.leases import actions as leases
from lifecycle.models import Endpoint, Lease, Machine, Operation, Stage
from lifecycle.models import Request as Asked
from lifecycle.money.queries import spent
from lifecycle.money.quotes import monthly_cents_of
from lifecycle.operations import power
from lifecycle.requests.queries import record_of
from lifecycle.sprawl.releasing import release_adoption
from portal.api.asking import ReasonInput, Strict, me, sent
from portal.api.audit import EntrySerializer
from portal.api.candidates import Attributed
from portal.api.endpoints import EndpointNameSerializer
from portal.api.fields import AskedRow, Day
from portal.api.listing import Listed, listed
from portal.api.operations import OperationSerializer
from portal.api.pagination import Keyset
from portal.api.people import PersonSerializer, TeamSerializer
from portal.api.seeds import SeedSerializer
from portal.api.shares import Shared
from portal.api.usage import Used

SHOWN = ("endpoint", "pool", "holder", "team", "cost_centre", "lease")


class LeaseSerializer(serializers.ModelSerializer[Lease]):
    """`latest_end` is the cap that no extension passes; `remove_at` is set once the machine is stopped."""

    held = serializers.SerializerMethodField(help_text="An administrator stands its clock still.")

    class Meta:
        model = Lease
        fields = [
            "started_at", "ends_at", "latest_end", "extensions", "grace_days", "restore_days", "warn_days",
            "stopped_at", "remove_at", "ended_at", "held", "held_reason",
        ]  # fmt: skip

    warn_days = serializers.ListField(child=serializers.IntegerField(), read_only=True)

    def get_held(self, lease: Lease) -> bool:
        return lease.held_at is not None


class MachineSerializer(serializers.ModelSerializer[Machine]):
    """`power` is what the hypervisor last said, at `power_at`; `stage` is what we decided."""

    endpoint = EndpointNameSerializer(read_only=True)
    power_at = serializers.DateTimeField(source="last_seen_at", read_only=True)
    seen_at = serializers.DateTimeField(source="last_seen_at", read_only=True)
    pool = serializers.CharField(source="pool.name", read_only=True, allow_null=True, default=None)
    holder = PersonSerializer(read_only=True, allow_null=True)
    team = TeamSerializer(read_only=True, allow_null=True)
    cost_centre = serializers.CharField(source="cost_centre.code", read_only=True, allow_null=True, default=None)
    addresses = serializers.ListField(child=serializers.CharField(), read_only=True)
    cents_per_month = serializers.SerializerMethodField(help_text="Empty while no price is in force.")
    lease = LeaseSerializer(read_only=True, allow_null=True, default=None)

    class Meta:
        model = Machine
        fields = [
            "id", "uuid", "name", "endpoint", "pool", "stage", "power", "power_at", "seen_at", "missing_since",
            "holder", "team", "cost_centre", "purpose", "vcpus", "memory_mib", "disk_mib", "addresses", "guest_name",
            "managed_by", "idle_since", "created_at", "lease", "cents_per_month",
        ]  # fmt: skip

    def get_cents_per_month(self, machine: Machine) -> int | None:
        prices: dict[int, int] = self.context["prices"]
        return prices.get(machine.pk)


def described(machines: list[Machine]) -> list[dict[str, Any]]:
    """Machines with their prices, in one query for all of them."""
    return list(MachineSerializer(machines, many=True, context={"prices": monthly_cents_of(machines)}).data)


class MachineFilter(Strict):
    q = serializers.CharField(required=False, max_length=200, help_text="Part of a name, address, holder or purpose.")
    stage = serializers.ChoiceField(
        Stage.choices, required=False, help_text="Without it, all that have not ended: neither removed nor failed."
    )
    mine = serializers.BooleanField(required=False, help_text="Only what I hold myself.")
    endpoint = AskedRow(queryset=Endpoint.objects.all(), required=False)


class LastDayInput(Strict):
    last_day = Day()


@extend_schema(tags=["machines"])
class MachineViewSet(Shared, Used, Attributed, mixins.RetrieveModelMixin, Listed[Machine]):
    """What one may see: held, one's team's, one's reports', or shared. Whatever is due next comes first."""

    serializer_class = MachineSerializer
    filter_shape = MachineFilter
    page_key = ("next_at", "id")
    queryset = Machine.objects.none()

    def get_queryset(self) -> QuerySet[Machine]:
        return Machine.objects.visible_to(me(self.request)).select_related(*SHOWN)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        found, pager = machine_list(me(request), **self.filters()), Keyset()
        shown = Machine.objects.select_related(*SHOWN)
        return pager.get_paginated_response(described(pager.page_of(found, request, key=self.page_key, shown=shown)))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(described([self.get_object()])[0])

    @extend_schema(
        responses=inline_serializer(
            "MachineCost", {"cents": serializers.IntegerField(), "cents_this_month": serializers.IntegerField()}
        )
    )
    @action(detail=True)
    def cost(self, request: Request, pk: str) -> Response:
        """What it has cost its present holder so far, up to this second, and how much of that this month."""
        cents = spent(self.get_object(), now=clock.now())
        return Response({"cents": cents.so_far, "cents_this_month": cents.this_month})

    @extend_schema(responses=SeedSerializer)
    @action(detail=True)
    def seed(self, request: Request, pk: str) -> Response:
        """What it was told at its first start, without what may be secret. 404 where it was told nothing."""
        told = Asked.objects.filter(machine=self.get_object()).exclude(hostname="")
        if (found := told.select_related("seed").defer("seed__user_data").first()) is None:
            raise Http404
        return Response(SeedSerializer(found).data)

    @extend_schema(responses=OperationSerializer(many=True))
    @action(detail=True)
    def operations(self, request: Request, pk: str) -> Response:
        """Work on this machine, newest first."""
        rows = Operation.objects.filter(machine=self.get_object())
        return listed(request, rows, key=("-id",), shown=lambda page: OperationSerializer(page, many=True).data)

    @extend_schema(responses=EntrySerializer(many=True))
    @action(detail=True)
    def history(self, request: Request, pk: str) -> Response:
        """What was done to this machine, its lease and its request, by whom and why, newest first."""
        rows = record_of(self.get_object())
        return listed(request, rows, key=("-at", "-id"), shown=lambda page: EntrySerializer(page, many=True).data)

    @extend_schema(request=None, responses={202: OperationSerializer})
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: str) -> Response:
        """Asked twice while it is under way, it answers the same operation."""
        return self._accepted(power.start(self.get_object(), by=me(request)))

    @extend_schema(request=None, responses={202: OperationSerializer})
    @action(detail=True, methods=["post"], url_path="shut-down")
    def shut_down(self, request: Request, pk: str) -> Response:
        """Asks the guest to shut down."""
        return self._accepted(power.shut_down(self.get_object(), by=me(request)))

    @extend_schema(request=None, responses={202: OperationSerializer})
    @action(detail=True, methods=["post"])
    def restart(self, request: Request, pk: str) -> Response:
        return self._accepted(power.restart(self.get_object(), by=me(request)))

    @extend_schema(request=LastDayInput, responses=MachineSerializer)
    @action(detail=True, methods=["post"])
    def extend(self, request: Request, pk: str) -> Response:
        """Moves the end to a later day, up to the lease's cap."""
        leases.extend(self._lease(), by=me(request), **sent(request, LastDayInput))
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
        """Takes a stopped machine back, with a short new end."""
        leases.restore(self._lease(), by=me(request))
        return self.retrieve(request)

    @extend_schema(request=ReasonInput, responses=MachineSerializer)
    @action(detail=True, methods=["post"])
    def hold(self, request: Request, pk: str) -> Response:
        """Stands the clock of a lease still. For administrators."""
        leases.hold(self._lease(), by=me(request), **sent(request, ReasonInput))
        return self.retrieve(request)

    @extend_schema(request=ReasonInput, responses=MachineSerializer)
    @action(detail=True, methods=["post"], url_path="take-back")
    def take_back(self, request: Request, pk: str) -> Response:
        """Takes a holder away who was wrong, as if they had never been. For administrators."""
        release_adoption(self.get_object(), by=me(request), **sent(request, ReasonInput))
        return self.retrieve(request)

    @extend_schema(request=None, responses=MachineSerializer)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> Response:
        """Lets the clock go on. For administrators."""
        leases.release_hold(self._lease(), by=me(request))
        return self.retrieve(request)

    def _lease(self) -> Lease:
        machine = self.get_object()
        lease: Lease | None = getattr(machine, "lease", None)
        if lease is None:
            raise Conflict("Nobody holds this machine; it has no lease.")
        return lease

    @staticmethod
    def _accepted(operation: Operation) -> Response:
        return Response(OperationSerializer(operation).data, status=status.HTTP_202_ACCEPTED)
