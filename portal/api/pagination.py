"""Keyset paging of the API: the same keysets as the pages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from lifecycle.errors import Invalid
from portal import paging


class Keyset(BasePagination):
    """Views name their key in `page_key`; the answer is {"next", "previous", "results"}."""

    size, most = 50, 200

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        return self.page_of(queryset, request, key=view.page_key)

    def page_of(
        self, rows: QuerySet[Any], request: Request, *, key: Sequence[str], shown: QuerySet[Any] | None = None
    ) -> list[Any]:
        size = self._size(request.query_params.get("page_size", str(self.size)))
        position = request.query_params.get("page", "")
        self.page = paging.page(rows, key=key, position=position, size=size, count=False, shown=shown)
        self.url = request.build_absolute_uri()
        return self.page.rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {"next": self._link(self.page.next), "previous": self._link(self.page.previous), "results": data}
        )

    def _size(self, given: str) -> int:
        if not re.fullmatch("[0-9]{1,3}", given) or not 1 <= int(given) <= self.most:
            raise Invalid(_("A number from 1 to %(most)s.") % {"most": self.most}, field="page_size")
        return int(given)

    def _link(self, position: str) -> str | None:
        return replace_query_param(self.url, "page", position) if position else None

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {"name": "page", "in": "query", "required": False, "schema": {"type": "string"},
             "description": "A position, as it stands in `next` or `previous`."},
            {"name": "page_size", "in": "query", "required": False,
             "schema": {"type": "integer", "minimum": 1, "maximum": self.most, "default": self.size}},
        ]  # fmt: skip
