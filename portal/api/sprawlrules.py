"""From when on something is a finding, and what is exempt from being one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lifecycle import clock
from lifecycle.errors import Invalid
from lifecycle.models import DiskFile, Exemption, Image, Machine, Pool
from lifecycle.sprawl.exempting import end_exemption, exempt
from lifecycle.sprawl.exemptions import in_force
from lifecycle.sprawl.limiting import set_thresholds
from lifecycle.sprawl.models import Kind, Threshold
from lifecycle.sprawl.thresholds import RANGES, Limits, limits_of
from portal.api.asking import Strict, me, sent, wanted
from portal.api.fields import AskedRow, Day, Name, Row
from portal.api.guarded import Guarded
from portal.api.listing import Listed
from portal.api.permissions import OfTheHouse


class OwnThresholdsSerializer(serializers.Serializer[Any]):
    pool = serializers.IntegerField(allow_null=True, help_text="Null: for all pools without one of their own.")
    values = serializers.DictField(child=serializers.IntegerField())


class ThresholdsSerializer(serializers.Serializer[Any]):
    holds = serializers.DictField(child=serializers.IntegerField(), help_text="What holds, by the names of limits.")
    defaults = serializers.DictField(child=serializers.IntegerField())
    own = OwnThresholdsSerializer(many=True, help_text="What was set and is not the default.")


class ThresholdsFilter(Strict):
    pool = AskedRow(queryset=Pool.objects.all(), required=False, help_text="For which pool; else the general ones.")


class ThresholdsInput(Strict):
    """Only what is sent is set; null takes a limit back."""

    pool = Row(queryset=Pool.objects.all(), required=False, allow_null=True)
    values = serializers.DictField(child=serializers.IntegerField(allow_null=True), allow_empty=False)
    reason = serializers.CharField(max_length=250)


class ThresholdsView(Guarded, APIView):
    """From when on something is a finding, for all machines or for one pool."""

    permission_classes = [OfTheHouse]

    @extend_schema(tags=["sprawl"], parameters=[ThresholdsFilter], responses=ThresholdsSerializer)
    def get(self, request: Request) -> Response:
        return Response(_limits(wanted(request, ThresholdsFilter).get("pool")))

    @extend_schema(tags=["sprawl"], request=ThresholdsInput, responses=ThresholdsSerializer)
    def post(self, request: Request) -> Response:
        asked = sent(request, ThresholdsInput)
        set_thresholds(asked.get("pool"), asked["values"], by=me(request), reason=asked["reason"])
        return Response(_limits(asked.get("pool")))


def _limits(pool: Pool | None) -> dict[str, Any]:
    own: dict[int | None, dict[str, int]] = {}
    for owner, name, value in Threshold.objects.order_by("pool", "name").values_list("pool", "name", "value"):
        if name in RANGES:
            own.setdefault(owner, {})[name] = value
    told = [{"pool": owner, "values": values} for owner, values in own.items()]
    return {"holds": asdict(limits_of(pool)), "defaults": asdict(Limits()), "own": told}


class ExemptionMadeSerializer(serializers.ModelSerializer[Exemption]):
    """One of machine, disk file, image and pool is given; an empty kind stands for all kinds."""

    machine = serializers.IntegerField(source="machine_id", read_only=True, allow_null=True)
    disk_file = serializers.IntegerField(source="disk_file_id", read_only=True, allow_null=True)
    image = serializers.IntegerField(source="image_id", read_only=True, allow_null=True)
    pool = serializers.IntegerField(source="pool_id", read_only=True, allow_null=True)
    by = Name()

    class Meta:
        model = Exemption
        fields = ["id", "machine", "disk_file", "image", "pool", "kind", "reason", "by", "at", "ends_at", "ended_at"]


class ExemptionFilter(Strict):
    kind = serializers.ChoiceField(choices=Kind.choices, required=False)
    machine = AskedRow(queryset=Machine.objects.all(), required=False)


class ExemptionInput(Strict):
    """Of exactly one thing; of one kind of finding about it, or of all."""

    machine = Row(queryset=Machine.objects.select_related("holder", "team"), required=False, allow_null=True)
    disk_file = Row(queryset=DiskFile.objects.all(), required=False, allow_null=True)
    image = Row(queryset=Image.objects.all(), required=False, allow_null=True)
    pool = Row(queryset=Pool.objects.all(), required=False, allow_null=True)
    kind = serializers.ChoiceField(choices=Kind.choices, required=False, allow_blank=True, default="")
    reason = serializers.CharField(max_length=500)
    ends_on = Day(help_text="Its last day.")


@extend_schema(tags=["sprawl"])
class ExemptionViewSet(mixins.RetrieveModelMixin, Listed[Exemption]):
    """What is no finding, as administrators say; those in force, the first to end first."""

    permission_classes = [OfTheHouse]
    serializer_class = ExemptionMadeSerializer
    filter_shape = ExemptionFilter
    page_key = ("ends_at", "id")
    queryset = Exemption.objects.none()

    def get_queryset(self) -> QuerySet[Exemption]:
        if self.action != "list":
            return Exemption.objects.select_related("by")
        return in_force(clock.now()).filter(**self.filters()).select_related("by")

    @extend_schema(request=ExemptionInput, responses={201: ExemptionMadeSerializer})
    def create(self, request: Request) -> Response:
        asked = sent(request, ExemptionInput)
        subjects = [asked.pop(name, None) for name in ("machine", "disk_file", "image", "pool")]
        given = [subject for subject in subjects if subject is not None]
        if len(given) != 1:
            raise Invalid(_("Name one machine, disk file, image or pool."), field="machine")
        kind = asked.pop("kind")
        made = exempt(given[0], kind=Kind(kind) if kind else None, by=me(request), **asked)
        return Response(ExemptionMadeSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=ExemptionMadeSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """Takes it back; what stands open shows again."""
        return Response(ExemptionMadeSerializer(end_exemption(self.get_object(), by=me(request))).data)
