"""Rules about found machines: kept, tried, applied."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.models import Endpoint, EstateRule, Machine, Team, User
from lifecycle.people.permissions import require
from lifecycle.sprawl.permissions import MAKE_RULES
from lifecycle.sprawl.rules import actions
from lifecycle.sprawl.rules.queries import matches
from portal.api.asking import Strict, me, sent
from portal.api.endpoints import EndpointNameSerializer
from portal.api.fields import LARGE, Row
from portal.api.listing import Listed
from portal.api.people import PersonSerializer, TeamSerializer
from portal.api.permissions import OfTheHouse


class RuleSerializer(serializers.ModelSerializer[EstateRule]):
    """A machine fits when everything that is not empty fits; `*` and `?` are those of file names."""

    endpoint = EndpointNameSerializer(read_only=True, allow_null=True)
    person = PersonSerializer(read_only=True, allow_null=True)
    team = TeamSerializer(read_only=True, allow_null=True)

    class Meta:
        model = EstateRule
        fields = [
            "id", "name", "effect", "enabled", "endpoint", "machine_name", "folder", "label", "network", "person",
            "team", "purpose", "lease_days", "managed_by", "made_at",
        ]  # fmt: skip


class RuleInput(Strict):
    """At least one condition. A hint and a holder need a person or a team; a holder also a purpose and days."""

    name = serializers.CharField(max_length=80)
    effect = serializers.ChoiceField(choices=EstateRule.Effect.choices)
    endpoint = Row(queryset=Endpoint.objects.all(), required=False, allow_null=True)
    machine_name = serializers.CharField(max_length=255, required=False, allow_blank=True)
    folder = serializers.CharField(max_length=500, required=False, allow_blank=True)
    label = serializers.CharField(  # type: ignore[assignment]  # DRF takes fields out of the class
        max_length=255, required=False, allow_blank=True, help_text="A name, or `name=value`."
    )
    network = serializers.CharField(max_length=255, required=False, allow_blank=True)
    person = Row(queryset=User.objects.all(), required=False, allow_null=True)
    team = Row(queryset=Team.objects.all(), required=False, allow_null=True)
    purpose = serializers.CharField(max_length=500, required=False, allow_blank=True)
    lease_days = serializers.IntegerField(min_value=1, max_value=LARGE, required=False, allow_null=True)
    managed_by = serializers.CharField(max_length=255, required=False, allow_blank=True)


class RuleChange(RuleInput):
    """Only what is sent is changed."""

    name = serializers.CharField(max_length=80, required=False)
    effect = serializers.ChoiceField(choices=EstateRule.Effect.choices, required=False)
    enabled = serializers.BooleanField(required=False)


class FittingSerializer(serializers.ModelSerializer[Machine]):
    endpoint = EndpointNameSerializer(read_only=True)

    class Meta:
        model = Machine
        fields = ["id", "name", "endpoint", "folder"]


class MatchesSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    machines = FittingSerializer(many=True, help_text="The first 50.")


class AppliedSerializer(serializers.Serializer[Any]):
    machine = FittingSerializer()
    given = serializers.SerializerMethodField()
    problem = serializers.CharField(help_text="Why it was not given; empty where it was.")

    def get_given(self, applied: Any) -> bool:
        return applied.lease is not None


@extend_schema(tags=["rules"])
class RuleViewSet(mixins.RetrieveModelMixin, Listed[EstateRule]):
    """What names, folders, labels and networks say of machines that nobody holds."""

    permission_classes = [OfTheHouse]
    serializer_class = RuleSerializer
    page_key = ("name", "id")
    queryset = EstateRule.objects.select_related("endpoint", "person", "team")

    @extend_schema(request=RuleInput, responses={201: RuleSerializer})
    def create(self, request: Request) -> Response:
        """It is in force at once."""
        made = actions.add_rule(by=me(request), **sent(request, RuleInput))
        return Response(RuleSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=RuleChange, responses=RuleSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """`enabled` lets it rest, or puts it in force again."""
        rule: EstateRule = self.get_object()
        given = sent(request, RuleChange)
        enabled = given.pop("enabled", None)
        if given:
            rule = actions.change_rule(rule, by=me(request), **given)
        if enabled is not None:
            rule = actions.set_enabled(rule, enabled, by=me(request))
        return Response(RuleSerializer(rule).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """What it marked as managed is an ordinary machine again."""
        actions.remove_rule(self.get_object(), by=me(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=RuleInput, responses=MatchesSerializer)
    @action(detail=False, methods=["post"], url_path="try", url_name="try")
    def try_out(self, request: Request) -> Response:
        """The dry run: what a rule would fit. Nothing is saved."""
        require(me(request), MAKE_RULES)
        return Response(MatchesSerializer(matches(actions.drafted(**sent(request, RuleInput)))).data)

    @extend_schema(responses=MatchesSerializer, filters=False)
    @action(detail=True)
    def matches(self, request: Request, pk: str) -> Response:
        """What it fits now."""
        return Response(MatchesSerializer(matches(self.get_object())).data)

    @extend_schema(request=None, responses=AppliedSerializer(many=True))
    @action(detail=True, methods=["post"], pagination_class=None)
    def apply(self, request: Request, pk: str) -> Response:
        """Gives machines that fit their holder, at most 500 at a time, and says of each what became of it."""
        return Response(AppliedSerializer(actions.apply_rule(self.get_object(), by=me(request)), many=True).data)
