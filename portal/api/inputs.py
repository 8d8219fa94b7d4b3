"""What may be sent: shapes only. Every refusal that needs a rule comes from the action."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from hypervisors import registry
from lifecycle.models import Blueprint, Endpoint, Size, Team, User


class Strict(serializers.Serializer[Any]):
    """Refuses fields that it does not know: a misspelt one must not pass as left out."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := set(data) - set(self.fields)):
            raise serializers.ValidationError({name: ["There is no such field."] for name in sorted(map(str, unknown))})
        return super().to_internal_value(data)


class QuoteInput(Strict):
    blueprint = serializers.PrimaryKeyRelatedField(queryset=Blueprint.objects.filter(offered=True))
    size = serializers.PrimaryKeyRelatedField(queryset=Size.objects.all())
    last_day = serializers.DateField()


class RequestInput(QuoteInput):
    blueprint = serializers.PrimaryKeyRelatedField(queryset=Blueprint.objects.select_related("image", "pool__endpoint"))
    name = serializers.CharField(max_length=200)
    purpose = serializers.CharField(max_length=5000)
    for_team = serializers.BooleanField(default=False)
    key = serializers.CharField(
        max_length=64,
        required=False,
        help_text="Sent twice, it makes one request. Header Idempotency-Key does the same.",
    )


class ApproveInput(Strict):
    comment = serializers.CharField(default="", allow_blank=True, max_length=2000)
    cents_seen = serializers.IntegerField(
        required=False, min_value=0, help_text="cents_until_end as you saw it; refused when it is no longer so."
    )


class CommentInput(Strict):
    comment = serializers.CharField(max_length=2000)


class ReasonInput(Strict):
    reason = serializers.CharField(max_length=250)


class LastDayInput(Strict):
    last_day = serializers.DateField()


class AssignInput(Strict):
    holder = serializers.PrimaryKeyRelatedField(
        queryset=User.objects.filter(is_active=True), required=False, allow_null=True
    )
    team = serializers.PrimaryKeyRelatedField(queryset=Team.objects.all(), required=False, allow_null=True)
    purpose = serializers.CharField(max_length=1000)
    last_day = serializers.DateField()


class EndpointInput(Strict):
    name = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(choices=[(kind, kind) for kind in registry.kinds()])
    address = serializers.CharField(max_length=253, default="", allow_blank=True)
    port = serializers.IntegerField(min_value=1, max_value=65535, required=False, allow_null=True)
    transport = serializers.CharField(max_length=20, default="", allow_blank=True)
    path = serializers.CharField(max_length=255, default="", allow_blank=True)
    username = serializers.CharField(max_length=150, default="", allow_blank=True)
    secret = serializers.CharField(max_length=1000, default="", allow_blank=True, write_only=True)
    ca_pem = serializers.CharField(max_length=20000, default="", allow_blank=True)


class ModeInput(ReasonInput):
    mode = serializers.ChoiceField(choices=Endpoint.Mode.choices)
