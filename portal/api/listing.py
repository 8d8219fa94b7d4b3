"""`GET /things/`, the same for all things: filtered by a declared shape, paged by a declared key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework import mixins, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.asking import NoFilter, Strict, wanted
from portal.api.guarded import Guarded
from portal.api.pagination import Keyset

M = TypeVar("M", bound=Model)

ID = r"\d{1,18}"
"""Longer ones fit no database, and so name nothing."""


class Listed(Guarded, mixins.ListModelMixin, viewsets.GenericViewSet[M]):
    """A view says which filters it knows; one that it does not know is refused, not passed over."""

    filter_shape: type[Strict] = NoFilter
    page_key: Sequence[str]
    lookup_value_regex = ID

    def filters(self) -> dict[str, Any]:
        return wanted(self.request, self.filter_shape)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.filters()
        return super().list(request, *args, **kwargs)


def listed(request: Request, rows: QuerySet[Any], *, key: Sequence[str], shown: Callable[[list[Any]], Any]) -> Response:
    """A page of rows that belong to one thing: its history, its work."""
    wanted(request, NoFilter)
    pager = Keyset()
    return pager.get_paginated_response(shown(pager.page_of(rows, request, key=key)))
