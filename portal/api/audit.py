"""The record of who did what."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers

from lifecycle.models import Entry
from portal.api.asking import Strict, me
from portal.api.fields import Day
from portal.api.listing import Listed
from portal.api.permissions import IsAdmin


class EntrySerializer(serializers.ModelSerializer[Entry]):
    """`actor_id` is empty where the house itself acted."""

    detail = serializers.DictField(read_only=True)

    class Meta:
        model = Entry
        fields = [
            "id", "at", "actor_id", "actor_name", "verb", "object_type", "object_id", "object_name", "reason", "detail",
        ]  # fmt: skip


class EntryFilter(Strict):
    who = serializers.CharField(required=False, max_length=150, help_text="Part of the actor's name.")
    verb = serializers.CharField(required=False, max_length=60, help_text="`lease.extended`, or `lease` for all of it.")
    about = serializers.CharField(required=False, max_length=40, help_text="Kind of object: `machine`, `lease`, …")
    object_id = serializers.IntegerField(required=False, min_value=1, max_value=10**18, help_text="With `about`.")
    since = Day(required=False, help_text="From this day on, in my zone.")
    until = Day(required=False, help_text="Up to and including this day, in my zone.")


@extend_schema(tags=["audit"])
class EntryViewSet(mixins.RetrieveModelMixin, Listed[Entry]):
    """Who did what, newest first."""

    permission_classes = [IsAdmin]
    serializer_class = EntrySerializer
    filter_shape = EntryFilter
    queryset = Entry.objects.all()
    page_key = ("-at", "-id")

    def get_queryset(self) -> QuerySet[Entry]:
        if self.action != "list":
            return super().get_queryset()
        asked, found = self.filters(), Q()
        if who := asked.get("who"):
            found &= Q(actor_name__icontains=who)
        if verb := asked.get("verb"):
            found &= Q(verb=verb) | Q(verb__startswith=f"{verb}.")
        if about := asked.get("about"):
            found &= Q(object_type=about)
        if pk := asked.get("object_id"):
            found &= Q(object_id=pk)
        if since := asked.get("since"):
            found &= Q(at__gte=self._midnight(since))
        if until := asked.get("until"):
            found &= Q(at__lt=self._midnight(until + timedelta(days=1)))
        return super().get_queryset().filter(found)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time.min, me(self.request).tz)
