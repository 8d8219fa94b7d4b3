"""What a machine used: part of the machines' endpoint."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle import clock
from lifecycle.errors import Invalid
from lifecycle.estate.usage import reading
from lifecycle.models import Machine, UsageDay, UsageHour
from portal.api.asking import Strict, wanted
from portal.api.fields import Day

USUAL = {"day": reading.SHOWN, "hour": 7}
LONGEST = {"day": 400, "hour": 8}
"""Days in one answer."""


class UsageFilter(Strict):
    """`from` and `to` are days of UTC, both included; without them, the last 30 days, or 7 by the hour."""

    to = Day(required=False)
    by = serializers.ChoiceField(["day", "hour"], default="day")

    def get_fields(self) -> dict[str, Any]:
        return {"from": Day(required=False)} | super().get_fields()  # a word that Python keeps for itself


class UsageDaySerializer(serializers.ModelSerializer[UsageDay]):
    """`cpu_milli` are thousandths of one processor. What the hypervisor does not tell is empty.

    `quiet_hours` of the measured `hours` were below the limits of the machine's pool.
    """

    class Meta:
        model = UsageDay
        fields = [
            "day", "hours", "quiet_hours", "cpu_milli", "cpu_p95_milli", "cpu_top_milli", "memory_p95_mib",
            "memory_top_mib", "io_kib_s", "net_kib_s",
        ]  # fmt: skip


class UsageHourSerializer(serializers.ModelSerializer[UsageHour]):
    """Sums over the `seconds` of the hour that were measured; `memory_mib` is the most that was in use."""

    class Meta:
        model = UsageHour
        fields = ["hour", "seconds", "cpu_ms", "memory_mib", "io_kib", "net_kib"]


USAGE = PolymorphicProxySerializer(
    component_name="Usage",
    serializers=[UsageDaySerializer, UsageHourSerializer],
    resource_type_field_name=None,
    many=True,
)


class Used:
    """Acts of one machine; the view gives `get_object`."""

    get_object: Any

    @extend_schema(parameters=[UsageFilter], responses=USAGE, filters=False)
    @action(detail=True, pagination_class=None)
    def usage(self, request: Request, pk: str) -> Response:
        """What it used, oldest first: a day of UTC each, or an hour each of the last week."""
        machine: Machine = self.get_object()
        asked = wanted(request, UsageFilter)
        by, (first, last) = asked["by"], _between(asked)
        return Response(_told(machine, by, first, last))


def _between(asked: dict[str, Any]) -> tuple[date, date]:
    by: str = asked["by"]
    last: date = asked.get("to") or max(clock.now().astimezone(UTC).date(), asked.get("from", date.min))
    first: date = asked.get("from") or last - timedelta(days=USUAL[by] - 1)
    if first > last:
        raise Invalid(_("The end comes before the beginning."), field="to")
    if (last - first).days >= LONGEST[by]:
        raise Invalid(_("At most %(days)s days at once.") % {"days": LONGEST[by]}, field="from")
    return first, last


def _told(machine: Machine, by: str, first: date, last: date) -> Any:
    if by == "hour":
        return UsageHourSerializer(reading.hours(machine, first, last), many=True).data
    return UsageDaySerializer(reading.days(machine, first, last), many=True).data
