"""What can be ordered, in which sizes and at what prices. Everybody reads it, administrators change it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle import clock
from lifecycle.catalog import actions
from lifecycle.catalog.permissions import SEE_RETIRED
from lifecycle.catalog.queries import offered, takes_seed
from lifecycle.errors import Invalid
from lifecycle.leases.actions import end_of
from lifecycle.models import Blueprint, Image, Meter, Pool, Size
from lifecycle.money.quotes import quote
from lifecycle.people.permissions import may, require
from lifecycle.requests.checks import check_last_day
from portal.api.asking import Strict, me, sent
from portal.api.endpoints import EndpointNameSerializer, ImageSerializer, PoolSerializer
from portal.api.fields import LARGE, SMALL, Day, Row
from portal.api.guarded import Guarded
from portal.api.listing import Listed


class Days(serializers.IntegerField):
    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=SMALL, **options)


class SizeSerializer(serializers.ModelSerializer[Size]):
    class Meta:
        model = Size
        fields = ["id", "name", "vcpus", "memory_mib", "disk_mib"]


class BlueprintSerializer(serializers.ModelSerializer[Blueprint]):
    image = ImageSerializer(read_only=True)
    pool = PoolSerializer(read_only=True)
    endpoint = EndpointNameSerializer(source="pool.endpoint", read_only=True)
    sizes = SizeSerializer(many=True, read_only=True)
    warn_days = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    takes_seed = serializers.SerializerMethodField(
        help_text="Requests may say `hostname`, `ssh_keys` and `user_data`: its image runs cloud-init, and its "
        "endpoint can hand these over."
    )

    def get_takes_seed(self, blueprint: Blueprint) -> bool:
        return takes_seed(blueprint)

    class Meta:
        model = Blueprint
        fields = [
            "id", "name", "summary", "icon", "image", "pool", "endpoint", "sizes", "cloud_init", "takes_seed",
            "approval", "offered", "position", "default_days", "max_days", "grace_days", "restore_days", "warn_days",
        ]  # fmt: skip


class QuoteLineSerializer(serializers.Serializer[Any]):
    meter = serializers.ChoiceField(Meter.choices)
    quantity = serializers.IntegerField()
    micros = serializers.IntegerField(help_text="Price in millionths of the currency unit …")
    per = serializers.IntegerField(help_text="… for so many units and a calendar month.")
    cents_per_month = serializers.IntegerField()
    cents_until_end = serializers.IntegerField()


class QuoteSerializer(serializers.Serializer[Any]):
    card = serializers.CharField()
    lines = QuoteLineSerializer(many=True)
    cents_per_month = serializers.IntegerField()
    cents_until_end = serializers.IntegerField()


class BlueprintFilter(Strict):
    every = serializers.BooleanField(required=False, help_text="Retired ones too. For administrators and auditors.")


class QuoteInput(Strict):
    blueprint = Row(queryset=Blueprint.objects.filter(offered=True))
    size = Row(queryset=Size.objects.all())
    last_day = Day()


class SizeChange(Strict):
    name = serializers.CharField(max_length=40, required=False)
    vcpus = serializers.IntegerField(min_value=1, max_value=SMALL, required=False)
    memory_mib = serializers.IntegerField(min_value=1, max_value=LARGE, required=False)
    disk_mib = serializers.IntegerField(min_value=1, max_value=LARGE, required=False)


class SizeInput(SizeChange):
    name = serializers.CharField(max_length=40)
    vcpus = serializers.IntegerField(min_value=1, max_value=SMALL)
    memory_mib = serializers.IntegerField(min_value=1, max_value=LARGE)
    disk_mib = serializers.IntegerField(min_value=1, max_value=LARGE)


class BlueprintChange(Strict):
    """Only what is sent is changed, for what is ordered from now on. `offered: false` retires it."""

    name = serializers.CharField(max_length=60, required=False)
    summary = serializers.CharField(max_length=120, required=False, allow_blank=True)
    icon = serializers.CharField(max_length=40, required=False)
    image = Row(queryset=Image.objects.all(), required=False)
    pool = Row(queryset=Pool.objects.all(), required=False)
    sizes = Row(queryset=Size.objects.all(), many=True, required=False)
    cloud_init = serializers.BooleanField(required=False, help_text="Its image runs cloud-init. Not for Windows.")
    approval = serializers.ChoiceField(Blueprint.Approval.choices, required=False)
    offered = serializers.BooleanField(required=False)
    position = serializers.IntegerField(min_value=0, max_value=SMALL, required=False)
    default_days = Days(required=False)
    max_days = Days(required=False)
    grace_days = Days(required=False)
    restore_days = Days(required=False)
    warn_days = serializers.ListField(child=serializers.IntegerField(), required=False, max_length=20)


class BlueprintInput(BlueprintChange):
    name = serializers.CharField(max_length=60)
    image = Row(queryset=Image.objects.all())
    pool = Row(queryset=Pool.objects.all())
    sizes = Row(queryset=Size.objects.all(), many=True)
    default_days = Days()
    max_days = Days()
    grace_days = Days()


@extend_schema(tags=["catalogue"])
class BlueprintViewSet(mixins.RetrieveModelMixin, Listed[Blueprint]):
    """What can be ordered."""

    serializer_class = BlueprintSerializer
    filter_shape = BlueprintFilter
    page_key = ("position", "id")
    queryset = Blueprint.objects.none()

    def get_queryset(self) -> QuerySet[Blueprint]:
        reader = me(self.request)
        every = self.filters().get("every", False) if self.action == "list" else may(reader, SEE_RETIRED)
        if not every:
            return offered()
        require(reader, SEE_RETIRED)
        return Blueprint.objects.select_related("image", "pool__endpoint").prefetch_related("sizes")

    @extend_schema(request=BlueprintInput, responses={201: BlueprintSerializer})
    def create(self, request: Request) -> Response:
        """For administrators."""
        made = actions.create_blueprint(by=me(request), **sent(request, BlueprintInput))
        return self._shown(made, status=status.HTTP_201_CREATED)

    @extend_schema(request=BlueprintChange, responses=BlueprintSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """For administrators."""
        found: Blueprint = self.get_object()
        return self._shown(actions.change_blueprint(found, by=me(request), **sent(request, BlueprintChange)))

    def _shown(self, blueprint: Blueprint, *, status: int = status.HTTP_200_OK) -> Response:
        return Response(BlueprintSerializer(self.get_queryset().get(pk=blueprint.pk)).data, status=status)


@extend_schema(tags=["catalogue"])
class SizeViewSet(mixins.RetrieveModelMixin, Listed[Size]):
    """Ready combinations of vCPU, memory and system disk."""

    serializer_class = SizeSerializer
    page_key = ("memory_mib", "vcpus", "id")
    queryset = Size.objects.all()

    @extend_schema(request=SizeInput, responses={201: SizeSerializer})
    def create(self, request: Request) -> Response:
        """For administrators."""
        made = actions.create_size(by=me(request), **sent(request, SizeInput))
        return Response(SizeSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=SizeChange, responses=SizeSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """For administrators. Changes what is ordered from now on."""
        found: Size = self.get_object()
        return Response(SizeSerializer(actions.change_size(found, by=me(request), **sent(request, SizeChange))).data)


@extend_schema(tags=["catalogue"])
class QuoteView(Guarded):
    @extend_schema(request=QuoteInput, responses=QuoteSerializer)
    def post(self, request: Request) -> Response:
        """The price of an order, before it is sent. Changes nothing."""
        given = sent(request, QuoteInput)
        size, now = given["size"], clock.now()
        ends_at = end_of(given["last_day"], me(request).tz)
        if problem := check_last_day(given["blueprint"], ends_at, now=now):
            raise Invalid(problem, field="last_day")
        price = quote(
            vcpus=size.vcpus, memory_mib=size.memory_mib, disk_mib=size.disk_mib, starts_at=now, ends_at=ends_at
        )
        return Response(QuoteSerializer(price).data)
