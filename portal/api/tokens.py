"""My tokens: by which programs sign in for me."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.errors import Forbidden
from lifecycle.models import Token
from lifecycle.people import tokens
from portal.api.asking import Strict, me, sent
from portal.api.fields import Day
from portal.api.listing import Listed


class TokenSerializer(serializers.ModelSerializer[Token]):
    class Meta:
        model = Token
        fields = ["id", "name", "hint", "scope", "made_at", "expires_at", "used_at", "revoked_at"]
        extra_kwargs = {"hint": {"help_text": "Its first characters."}}


class NewTokenSerializer(TokenSerializer):
    token = serializers.CharField(source="plain", help_text="The token itself, told this once.")

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]


class TokenInput(Strict):
    name = serializers.CharField(max_length=80)
    scope = serializers.ChoiceField(choices=Token.Scope.choices, default=Token.Scope.READ)
    last_day = Day(help_text="At most a year away.")


@extend_schema(tags=["tokens"])
class TokenViewSet(mixins.RetrieveModelMixin, Listed[Token]):
    """My tokens that were not revoked, newest first."""

    keeps_answers = False
    serializer_class = TokenSerializer
    page_key = ("-made_at", "-id")
    queryset = Token.objects.none()

    def get_queryset(self) -> QuerySet[Token]:
        mine = me(self.request).tokens.all()
        return mine.filter(revoked_at=None) if self.action == "list" else mine

    @extend_schema(request=TokenInput, responses={201: NewTokenSerializer})
    def create(self, request: Request) -> Response:
        """By name and password, or in a browser: a token makes no tokens."""
        if isinstance(request.auth, Token):
            raise Forbidden(_("A token makes no tokens. Sign in with name and password."))
        given: dict[str, Any] = sent(request, TokenInput)
        given["scope"] = Token.Scope(given["scope"])
        token, plain = tokens.make(me(request), by=me(request), **given)
        token.plain = plain  # type: ignore[attr-defined]
        return Response(NewTokenSerializer(token).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=TokenSerializer)
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: str) -> Response:
        """From this moment it is refused."""
        return Response(TokenSerializer(tokens.revoke(self.get_object(), by=me(request))).data)
