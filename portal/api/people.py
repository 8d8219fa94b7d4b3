"""Who I am, and, for administrators, who else is here."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.models import CostCentre, Team, User
from portal.api.asking import Strict, me
from portal.api.fields import Name
from portal.api.guarded import Guarded
from portal.api.listing import Listed
from portal.api.permissions import IsAdmin

NAMES = ("username", "first_name", "last_name", "email")


class PersonSerializer(serializers.ModelSerializer[User]):
    name = Name(source="*")

    class Meta:
        model = User
        fields = ["id", "username", "name"]


class CostCentreSerializer(serializers.ModelSerializer[CostCentre]):
    class Meta:
        model = CostCentre
        fields = ["id", "code", "name"]


class TeamSerializer(serializers.ModelSerializer[Team]):
    class Meta:
        model = Team
        fields = ["id", "name"]


class TeamEntrySerializer(serializers.ModelSerializer[Team]):
    """A team with who pays for what it holds."""

    cost_centre = CostCentreSerializer(read_only=True)

    class Meta:
        model = Team
        fields = ["id", "name", "cost_centre"]


class PersonEntrySerializer(PersonSerializer):
    """A person as administrators look them up."""

    team = TeamSerializer(read_only=True, allow_null=True)
    supervisor = PersonSerializer(read_only=True, allow_null=True)

    class Meta(PersonSerializer.Meta):
        fields = [*PersonSerializer.Meta.fields, "email", "role", "team", "supervisor", "left_on"]


class MeSerializer(serializers.ModelSerializer[User]):
    name = Name(source="*")
    team = TeamSerializer(read_only=True, allow_null=True)
    cost_centre = CostCentreSerializer(read_only=True, allow_null=True)
    supervisor = PersonSerializer(read_only=True, allow_null=True)
    decides = serializers.BooleanField(read_only=True, help_text="Somebody reports to me.")
    is_admin = serializers.BooleanField(read_only=True)

    class Meta:
        model = User
        fields = ["id", "username", "name", "role", "zone", "team", "cost_centre", "supervisor", "decides", "is_admin"]
        read_only_fields = fields


class NameFilter(Strict):
    q = serializers.CharField(required=False, max_length=200, help_text="Part of a name.")


@extend_schema(tags=["people"])
class MeView(Guarded):
    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Who I am here."""
        return Response(MeSerializer(me(request)).data)


@extend_schema(tags=["people"])
class PersonViewSet(mixins.RetrieveModelMixin, Listed[User]):
    """Who may hold a machine: everybody who can sign in."""

    permission_classes = [IsAdmin]
    serializer_class = PersonEntrySerializer
    filter_shape = NameFilter
    page_key = ("username", "id")
    queryset = User.objects.filter(is_active=True).select_related("team", "supervisor")

    def get_queryset(self) -> QuerySet[User]:
        return super().get_queryset().filter(_called(self, *NAMES))


@extend_schema(tags=["people"])
class TeamViewSet(mixins.RetrieveModelMixin, Listed[Team]):
    """Teams that may hold a machine."""

    permission_classes = [IsAdmin]
    serializer_class = TeamEntrySerializer
    filter_shape = NameFilter
    page_key = ("name", "id")
    queryset = Team.objects.select_related("cost_centre")

    def get_queryset(self) -> QuerySet[Team]:
        return super().get_queryset().filter(_called(self, "name"))


def _called(view: Any, *columns: str) -> Q:
    """Every word stands in one of the columns."""
    found = Q()
    if view.action == "list":
        for word in view.filters().get("q", "").split()[:6]:
            found &= Q(*((f"{column}__icontains", word) for column in columns), _connector=Q.OR)
    return found
