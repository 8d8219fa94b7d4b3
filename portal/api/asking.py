"""What a request carries: who asks, and what for. Shapes only: refusals that need a rule come from the actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request

from lifecycle.models import User

PAGING = ("page", "page_size")


class Strict(serializers.Serializer[Any]):
    """Refuses fields that it does not know: a misspelt one must not pass as left out."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := set(data) - set(self.fields)):
            raise serializers.ValidationError({name: [_("There is no such field.")] for name in sorted(unknown)})
        return super().to_internal_value(data)


class NoFilter(Strict):
    """For lists that are never filtered."""


class ReasonInput(Strict):
    reason = serializers.CharField(max_length=250)


def me(request: Request) -> User:
    """Every endpoint of the API wants somebody signed in, so this is never an anonymous user."""
    return cast("User", request.user)


def sent(request: Request, shape: type[Strict]) -> dict[str, Any]:
    """The body, once it has the shape."""
    return _checked(shape(data=request.data))


def wanted(request: Request, shape: type[Strict]) -> dict[str, Any]:
    """The filters in the address, once they have the shape."""
    return _checked(shape(data={key: text for key, text in request.query_params.items() if key not in PAGING}))


def _checked(given: Strict) -> dict[str, Any]:
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)
