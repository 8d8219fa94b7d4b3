"""What the portal told me."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.models import Notice
from lifecycle.notices.actions import mark_read
from lifecycle.notices.queries import notices_of
from portal.api.asking import Strict, me
from portal.api.listing import Listed


class NoticeSerializer(serializers.ModelSerializer[Notice]):
    class Meta:
        model = Notice
        fields = ["id", "kind", "subject", "path", "at", "sent_at", "read_at"]


class NoticeFilter(Strict):
    unread = serializers.BooleanField(required=False, help_text="Only what I did not mark as read.")


@extend_schema(tags=["notices"])
class NoticeViewSet(Listed[Notice]):
    """What the portal told me, newest first."""

    serializer_class = NoticeSerializer
    filter_shape = NoticeFilter
    page_key = ("-at", "-id")
    queryset = Notice.objects.none()

    def get_queryset(self) -> QuerySet[Notice]:
        unread = self.filters().get("unread")
        found = notices_of(me(self.request))
        return found if unread is None else found.filter(read_at__isnull=unread)

    @extend_schema(request=None, responses=inline_serializer("MarkedRead", {"marked": serializers.IntegerField()}))
    @action(detail=False, methods=["post"], url_path="mark-read")
    def mark_read(self, request: Request) -> Response:
        """Everything told so far counts as read; says how much of it was new."""
        return Response({"marked": mark_read(me(request))})
