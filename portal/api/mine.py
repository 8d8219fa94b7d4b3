"""What concerns the person who asks: themselves, their notices, their costs."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lifecycle.errors import Invalid
from lifecycle.models import Line, Notice
from lifecycle.money.queries import lines_visible_to
from lifecycle.notices.queries import notices_of
from portal.api.asking import me
from portal.api.serializers import LineSerializer, MeSerializer, NoticeSerializer


@extend_schema(tags=["me"])
class MeView(APIView):
    """Who I am here."""

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        return Response(MeSerializer(me(request)).data)


@extend_schema(tags=["me"])
class NoticeViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Notice]):
    """What the portal told me, newest first."""

    serializer_class = NoticeSerializer
    page_key = ("-at", "-id")

    def get_queryset(self) -> QuerySet[Notice]:
        return notices_of(me(self.request))


@extend_schema(tags=["costs"])
class LineViewSet(mixins.RetrieveModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet[Line]):
    """Lines of statements: what one held, and what one's cost centres pay. The present month is a draft."""

    serializer_class = LineSerializer
    lookup_value_regex = r"\d{1,18}"
    page_key = ("-month", "-id")

    def get_queryset(self) -> QuerySet[Line]:
        lines = lines_visible_to(me(self.request)).select_related(
            "machine", "tenure__holder", "tenure__team", "tenure__cost_centre", "rate__card"
        )
        month = self.request.query_params.get("month")
        return lines.filter(month=_month(month)) if month else lines

    @extend_schema(parameters=[OpenApiParameter("month", str, description="2026-11: only this month.")])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise Invalid("A month reads 2026-11.", field="month") from None
