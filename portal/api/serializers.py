"""The API's words: what goes out, and what may come in. No rules: those are the actions'."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from lifecycle.models import (
    Blueprint,
    CostCentre,
    Endpoint,
    Entry,
    Finding,
    Lease,
    Line,
    Machine,
    Meter,
    Notice,
    Operation,
    Request,
    Size,
    Step,
    Team,
    User,
)


class PersonSerializer(serializers.ModelSerializer[User]):
    name = serializers.CharField(source="get_full_name", read_only=True)

    class Meta:
        model = User
        fields = ["id", "username", "name"]


class TeamSerializer(serializers.ModelSerializer[Team]):
    class Meta:
        model = Team
        fields = ["id", "name"]


class CostCentreSerializer(serializers.ModelSerializer[CostCentre]):
    class Meta:
        model = CostCentre
        fields = ["id", "code", "name"]


class MeSerializer(serializers.ModelSerializer[User]):
    name = serializers.CharField(source="get_full_name", read_only=True)
    team = TeamSerializer(read_only=True)
    cost_centre = CostCentreSerializer(read_only=True)
    supervisor = PersonSerializer(read_only=True)

    class Meta:
        model = User
        fields = ["id", "username", "name", "role", "zone", "team", "cost_centre", "supervisor", "decides", "is_admin"]
        read_only_fields = fields

    decides = serializers.BooleanField(read_only=True)
    is_admin = serializers.BooleanField(read_only=True)


class SizeSerializer(serializers.ModelSerializer[Size]):
    class Meta:
        model = Size
        fields = ["id", "name", "vcpus", "memory_mib", "disk_mib"]


class BlueprintSerializer(serializers.ModelSerializer[Blueprint]):
    image = serializers.CharField(source="image.name", read_only=True)
    pool = serializers.CharField(source="pool.name", read_only=True)
    endpoint = serializers.CharField(source="pool.endpoint.name", read_only=True)
    sizes = SizeSerializer(many=True, read_only=True)

    class Meta:
        model = Blueprint
        fields = [
            "id", "name", "summary", "image", "pool", "endpoint", "sizes", "approval", "default_days", "max_days",
            "grace_days", "restore_days", "warn_days",
        ]  # fmt: skip


class LeaseSerializer(serializers.ModelSerializer[Lease]):
    held = serializers.SerializerMethodField()

    class Meta:
        model = Lease
        fields = [
            "started_at", "ends_at", "latest_end", "extensions", "stopped_at", "remove_at", "ended_at", "held",
            "held_reason",
        ]  # fmt: skip

    def get_held(self, lease: Lease) -> bool:
        return lease.held_at is not None


class MachineSerializer(serializers.ModelSerializer[Machine]):
    """As lists show it. `power` is what the hypervisor last said, at `power_at`; `stage` is what we decided."""

    endpoint = serializers.CharField(source="endpoint.name", read_only=True)
    holder = PersonSerializer(read_only=True)
    team = TeamSerializer(read_only=True)
    cost_centre = serializers.CharField(source="cost_centre.code", read_only=True, allow_null=True)
    cents_per_month = serializers.SerializerMethodField()
    lease = serializers.SerializerMethodField()

    class Meta:
        model = Machine
        fields = [
            "id", "uuid", "name", "endpoint", "stage", "power", "power_at", "seen_at", "missing_since", "holder",
            "team", "cost_centre", "purpose", "vcpus", "memory_mib", "disk_mib", "addresses", "guest_name",
            "managed_by", "idle_since", "created_at", "lease", "cents_per_month",
        ]  # fmt: skip

    addresses = serializers.ListField(child=serializers.CharField(), read_only=True)

    def get_cents_per_month(self, machine: Machine) -> int:
        prices: dict[int, int] = self.context.get("prices", {})
        return prices.get(machine.pk, 0)

    @extend_schema_field(LeaseSerializer(allow_null=True))
    def get_lease(self, machine: Machine) -> Any:
        lease = getattr(machine, "lease", None)
        return LeaseSerializer(lease).data if lease else None


class OperationSerializer(serializers.ModelSerializer[Operation]):
    machine = serializers.IntegerField(source="machine_id", read_only=True)

    class Meta:
        model = Operation
        fields = [
            "id", "machine", "kind", "purpose", "state", "progress", "step", "waits_for", "error_code", "error",
            "created_at", "started_at", "ended_at",
        ]  # fmt: skip


class AdminOperationSerializer(OperationSerializer):
    """For administrators: with the hypervisor's own words."""

    endpoint = serializers.CharField(source="endpoint.name", read_only=True)

    class Meta(OperationSerializer.Meta):
        fields = [*OperationSerializer.Meta.fields, "endpoint", "attempt", "next_try_at", "destructive", "native_error"]


class StepSerializer(serializers.ModelSerializer[Step]):
    approver = PersonSerializer(read_only=True)
    decided_by = PersonSerializer(read_only=True)

    class Meta:
        model = Step
        fields = ["approver", "state", "decided_by", "decided_at", "comment"]


class RequestSerializer(serializers.ModelSerializer[Request]):
    requester = PersonSerializer(read_only=True)
    holder = PersonSerializer(read_only=True)
    team = TeamSerializer(read_only=True)
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
            "machine", "failure", "steps", "created_at", "lapses_at", "decided_at", "ended_at",
        ]  # fmt: skip


class LineSerializer(serializers.ModelSerializer[Line]):
    machine = serializers.IntegerField(source="machine_id", read_only=True)
    machine_name = serializers.CharField(source="machine.name", read_only=True)
    holder = serializers.CharField(source="tenure.holder", read_only=True, allow_null=True)
    team = serializers.CharField(source="tenure.team", read_only=True, allow_null=True)
    cost_centre = serializers.CharField(source="tenure.cost_centre.code", read_only=True, allow_null=True)
    rate_card = serializers.CharField(source="rate.card.name", read_only=True)
    rate_micros = serializers.IntegerField(source="rate.micros", read_only=True)
    rate_per = serializers.IntegerField(source="rate.per", read_only=True)

    class Meta:
        model = Line
        fields = [
            "id", "month", "machine", "machine_name", "meter", "holder", "team", "cost_centre", "rate_card",
            "rate_micros", "rate_per", "seconds", "unit_seconds", "cents",
        ]  # fmt: skip


class EvidenceSerializer(serializers.Serializer[Any]):
    what = serializers.CharField()
    value = serializers.CharField()


class OrphanSerializer(serializers.ModelSerializer[Finding]):
    machine = MachineSerializer(read_only=True)
    evidence = EvidenceSerializer(many=True, read_only=True)

    class Meta:
        model = Finding
        fields = ["id", "kind", "machine", "since", "cents_per_month", "evidence"]


class EndpointSerializer(serializers.ModelSerializer[Endpoint]):
    """The secret is not among the fields: it goes in and never comes out."""

    class Meta:
        model = Endpoint
        fields = [
            "id", "name", "kind", "mode", "address", "port", "transport", "path", "username", "blast_count",
            "blast_percent", "parallel", "version", "scanned_at", "scans", "scan_error", "failing_since",
        ]  # fmt: skip


class EntrySerializer(serializers.ModelSerializer[Entry]):
    class Meta:
        model = Entry
        fields = [
            "id",
            "at",
            "actor_id",
            "actor_name",
            "verb",
            "object_type",
            "object_id",
            "object_name",
            "reason",
            "detail",
        ]


class NoticeSerializer(serializers.ModelSerializer[Notice]):
    class Meta:
        model = Notice
        fields = ["id", "kind", "subject", "path", "at", "sent_at", "read_at"]


class QuoteLineSerializer(serializers.Serializer[Any]):
    meter = serializers.ChoiceField(Meter.choices)
    quantity = serializers.IntegerField()
    cents_per_month = serializers.IntegerField()
    cents_until_end = serializers.IntegerField()


class QuoteSerializer(serializers.Serializer[Any]):
    card = serializers.CharField()
    lines = QuoteLineSerializer(many=True)
    cents_per_month = serializers.IntegerField()
    cents_until_end = serializers.IntegerField()
