"""With whom a machine is shared: part of the machines' endpoint."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.errors import Invalid
from lifecycle.estate import sharing
from lifecycle.estate.models import Level
from lifecycle.estate.shares import Recipient, Share, share_named, shares_of
from lifecycle.models import Machine, Team, User
from portal.api.asking import Strict, me, sent
from portal.api.fields import Day
from portal.api.people import PersonSerializer, TeamSerializer

LEVELS = {level.name.lower(): level for level in Level}
KEY = r"(?P<key>(?:person|team)-\d{1,18})"


class LevelField(serializers.ChoiceField):
    """`operate` has `see`, `manage` has both."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=[(name, level.label) for name, level in LEVELS.items()], **options)

    def to_internal_value(self, data: Any) -> Level:
        return LEVELS[super().to_internal_value(data)]

    def to_representation(self, value: Any) -> str:
        return Level(value).name.lower()


class ShareSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="Names it in addresses.")
    person = PersonSerializer(allow_null=True)
    team = TeamSerializer(allow_null=True)
    level = LevelField()
    until = serializers.DateField(allow_null=True, help_text="The last day; empty is without end.")
    granted_at = serializers.DateTimeField(allow_null=True)
    granted_by = PersonSerializer(allow_null=True)


class ShareChange(Strict):
    """Only what is sent is changed."""

    level = LevelField(required=False)
    until = Day(required=False, allow_null=True, help_text="The last day; null is without end.")


class ShareInput(ShareChange):
    """Either a person or a team."""

    person = serializers.CharField(required=False, max_length=150, help_text="A user name.")
    team = serializers.CharField(required=False, max_length=100, help_text="A team's name.")
    level = LevelField()


class Shared:
    """Acts of one machine; the view gives `get_object`."""

    get_object: Any

    @extend_schema(responses=ShareSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def shares(self, request: Request, pk: str) -> Response:
        """With whom it is shared, as long as that lasts."""
        return Response(ShareSerializer(shares_of(self.get_object()), many=True).data)

    @extend_schema(request=ShareInput, responses={201: ShareSerializer})
    @shares.mapping.post
    def share(self, request: Request, pk: str) -> Response:
        """Shares it; they are told. For its holder, their team, whoever manages it by a share, and administrators."""
        machine: Machine = self.get_object()
        given = sent(request, ShareInput)
        recipient = _recipient(given.pop("person", ""), given.pop("team", ""))
        made = sharing.share(machine, recipient=recipient, by=me(request), **given)
        return Response(ShareSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=ShareChange,
        responses=ShareSerializer,
        parameters=[OpenApiParameter("key", str, OpenApiParameter.PATH, description="`person-12` or `team-3`")],
    )
    @action(detail=True, methods=["patch"], url_path=f"shares/{KEY}", url_name="share")
    def change_share(self, request: Request, pk: str, key: str) -> Response:
        """Another level or last day."""
        machine, shared = self._shared(key)
        wanted = {"level": shared.level, "until": shared.until} | sent(request, ShareChange)
        changed = sharing.change_share(machine, recipient=shared.recipient, by=me(request), **wanted)
        return Response(ShareSerializer(changed).data)

    @extend_schema(
        responses={200: ShareSerializer},
        parameters=[OpenApiParameter("key", str, OpenApiParameter.PATH, description="`person-12` or `team-3`")],
    )
    @change_share.mapping.delete
    def withdraw_share(self, request: Request, pk: str, key: str) -> Response:
        """Ends it now, one's own too; answers what it was."""
        machine, shared = self._shared(key)
        sharing.withdraw_share(machine, recipient=shared.recipient, by=me(request))
        return Response(ShareSerializer(shared).data)

    def _shared(self, key: str) -> tuple[Machine, Share]:
        machine: Machine = self.get_object()
        if (shared := share_named(machine, key)) is None:
            raise Http404
        return machine, shared


def _recipient(person: str, team: str) -> Recipient:
    if bool(person) == bool(team):
        raise Invalid(_("Choose a person or a team."), field="person")
    found = User.objects.filter(username=person).first() if person else Team.objects.filter(name=team).first()
    if found is None:
        raise Invalid(_("Nobody here is called that."), field="person" if person else "team")
    return found
