"""Who I am, and, for the house, who else is here, in which teams."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.models import CostCentre, Team, User
from lifecycle.people import actions as people
from lifecycle.people import teams
from lifecycle.people.leaving import bring_back
from lifecycle.requests.leavers import leave
from portal.api.asking import Strict, me, sent
from portal.api.fields import AskedRow, Day, Name, Row
from portal.api.guarded import Guarded
from portal.api.listing import Listed
from portal.api.permissions import OfTheHouse

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
    """A person as the house looks them up. `is_active` is false for leavers and for who is locked out."""

    team = TeamSerializer(read_only=True, allow_null=True)
    cost_centre = CostCentreSerializer(read_only=True, allow_null=True)
    supervisor = PersonSerializer(read_only=True, allow_null=True)

    class Meta(PersonSerializer.Meta):
        fields = [
            *PersonSerializer.Meta.fields, "first_name", "last_name", "email", "role", "team", "cost_centre",
            "supervisor", "zone", "left_on", "is_active",
        ]  # fmt: skip


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


class PersonFilter(NameFilter):
    left = serializers.BooleanField(required=False, help_text="Those who cannot sign in, in place of those who can.")
    team = AskedRow(queryset=Team.objects.all(), required=False, help_text="Only members of the team of this id.")


class PersonChange(Strict):
    """Only what is sent is changed; null empties."""

    first_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    last_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    email = serializers.CharField(max_length=254, required=False, allow_blank=True)
    role = serializers.ChoiceField(choices=User.Role.choices, required=False)
    team = Row(queryset=Team.objects.all(), required=False, allow_null=True)
    cost_centre = Row(queryset=CostCentre.objects.all(), required=False, allow_null=True)
    supervisor = Row(queryset=User.objects.all(), required=False, allow_null=True)
    zone = serializers.CharField(max_length=50, required=False, help_text="Europe/Berlin")


class PersonInput(PersonChange):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=200, required=False, write_only=True, trim_whitespace=False)


class LeaveInput(Strict):
    left_on = Day(help_text="The last day; after it they cannot sign in.")


class PasswordInput(Strict):
    password = serializers.CharField(max_length=200, write_only=True, trim_whitespace=False)


class TeamChange(Strict):
    name = serializers.CharField(max_length=100, required=False)
    cost_centre = Row(queryset=CostCentre.objects.all(), required=False)


class TeamInput(Strict):
    name = serializers.CharField(max_length=100)
    cost_centre = Row(queryset=CostCentre.objects.all())


@extend_schema(tags=["people"])
class MeView(Guarded):
    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Who I am here."""
        return Response(MeSerializer(me(request)).data)


@extend_schema(tags=["people"])
class PersonViewSet(mixins.RetrieveModelMixin, Listed[User]):
    """Everybody who can sign in, and, where they are asked for, those who no longer can."""

    permission_classes = [OfTheHouse]
    serializer_class = PersonEntrySerializer
    filter_shape = PersonFilter
    page_key = ("username", "id")
    queryset = User.objects.select_related("team", "cost_centre", "supervisor")

    def get_queryset(self) -> QuerySet[User]:
        rows = super().get_queryset()
        if self.action != "list":
            return rows
        asked = self.filters()
        if "team" in asked:
            rows = rows.filter(team=asked["team"])
        return rows.filter(_called(self, *NAMES), is_active=not asked.get("left", False))

    @extend_schema(request=PersonInput, responses={201: PersonEntrySerializer})
    def create(self, request: Request) -> Response:
        """Adds somebody; without a password they cannot sign in yet."""
        given = sent(request, PersonInput)
        person = people.add_person(given.pop("username"), by=me(request), **given)
        return self._shown(person, status=status.HTTP_201_CREATED)

    @extend_schema(request=PersonChange, responses=PersonEntrySerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Nobody changes their own supervisor; circles are refused."""
        person: User = self.get_object()
        return self._shown(people.change_person(person, by=me(request), **sent(request, PersonChange)))

    @extend_schema(request=LeaveInput, responses=PersonEntrySerializer)
    @action(detail=True, methods=["post"])
    def leave(self, request: Request, pk: str) -> Response:
        """Their last day. Once it has passed, sessions and tokens end and decisions go to who stands above."""
        person: User = self.get_object()
        return self._shown(leave(person, by=me(request), **sent(request, LeaveInput)))

    @extend_schema(request=None, responses=PersonEntrySerializer)
    @action(detail=True, methods=["post"], url_path="return")
    def bring_back(self, request: Request, pk: str) -> Response:
        """Somebody who left, or was to leave, is here again."""
        person: User = self.get_object()
        return self._shown(bring_back(person, by=me(request)))

    @extend_schema(request=PasswordInput, responses=PersonEntrySerializer)
    @action(detail=True, methods=["post"])
    def password(self, request: Request, pk: str) -> Response:
        """A temporary one; the sessions that run end."""
        person: User = self.get_object()
        return self._shown(people.set_password(person, sent(request, PasswordInput)["password"], by=me(request)))

    def _shown(self, person: User, *, status: int = status.HTTP_200_OK) -> Response:
        return Response(PersonEntrySerializer(person).data, status=status)


@extend_schema(tags=["people"])
class TeamViewSet(mixins.RetrieveModelMixin, Listed[Team]):
    """Teams that may hold a machine."""

    permission_classes = [OfTheHouse]
    serializer_class = TeamEntrySerializer
    filter_shape = NameFilter
    page_key = ("name", "id")
    queryset = Team.objects.select_related("cost_centre")

    def get_queryset(self) -> QuerySet[Team]:
        return super().get_queryset().filter(_called(self, "name"))

    @extend_schema(request=TeamInput, responses={201: TeamEntrySerializer})
    def create(self, request: Request) -> Response:
        team = teams.create_team(by=me(request), **sent(request, TeamInput))
        return Response(TeamEntrySerializer(team).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=TeamChange, responses=TeamEntrySerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Machines that it holds stay on the cost centre they were ordered for."""
        team: Team = self.get_object()
        return Response(TeamEntrySerializer(teams.change_team(team, by=me(request), **sent(request, TeamChange))).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Only one that nobody is in, and that never held anything."""
        teams.delete_team(self.get_object(), by=me(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _called(view: Any, *columns: str) -> Q:
    """Every word stands in one of the columns."""
    found = Q()
    if view.action == "list":
        for word in view.filters().get("q", "").split()[:6]:
            found &= Q(*((f"{column}__icontains", word) for column in columns), _connector=Q.OR)
    return found
