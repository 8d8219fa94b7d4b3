"""Hypervisors: how they are reached, what the portal may do there, and what they offer."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from hypervisors import registry
from lifecycle.estate import actions, checking
from lifecycle.estate.scanning import ask_files, ask_scan, ask_stop
from lifecycle.models import Endpoint, Image, Pool, Scan
from portal.api.asking import ReasonInput, Strict, me, sent
from portal.api.fields import LARGE, SMALL
from portal.api.listing import Listed, listed
from portal.api.permissions import OfTheHouse


class EndpointSerializer(serializers.ModelSerializer[Endpoint]):
    """The secret is not among the fields: it goes in and never comes out."""

    class Meta:
        model = Endpoint
        fields = [
            "id", "name", "kind", "mode", "address", "port", "transport", "path", "username", "ca_pem", "blast_count",
            "blast_percent", "parallel", "version", "scanned_at", "scans", "scan_error", "failing_since",
        ]  # fmt: skip


class EndpointNameSerializer(serializers.ModelSerializer[Endpoint]):
    """As whatever stands on it names it; for everybody."""

    class Meta:
        model = Endpoint
        fields = ["id", "name"]


class ImageSerializer(serializers.ModelSerializer[Image]):
    class Meta:
        model = Image
        fields = ["id", "name", "disk_mib"]


class PoolSerializer(serializers.ModelSerializer[Pool]):
    class Meta:
        model = Pool
        fields = ["id", "name"]


class EndpointChange(Strict):
    """Only what is sent is changed. Where the secret would go to another place, it must be given again."""

    name = serializers.CharField(max_length=80, required=False)
    address = serializers.CharField(
        max_length=4000, required=False, allow_blank=True, help_text="Several hosts of a kvm endpoint: with commas."
    )
    port = serializers.IntegerField(min_value=1, max_value=65535, required=False, allow_null=True)
    transport = serializers.CharField(max_length=20, required=False, allow_blank=True)
    path = serializers.CharField(max_length=4000, required=False, allow_blank=True)
    username = serializers.CharField(max_length=150, required=False, allow_blank=True)
    secret = serializers.CharField(
        max_length=20000, required=False, allow_blank=True, write_only=True, trim_whitespace=False
    )
    ca_pem = serializers.CharField(max_length=20000, required=False, allow_blank=True, trim_whitespace=False)


class EndpointInput(EndpointChange):
    name = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(choices=[(kind, registry.LABELS.get(kind, kind)) for kind in registry.kinds()])


class ModeInput(ReasonInput):
    mode = serializers.ChoiceField(choices=Endpoint.Mode.choices)


class LimitsInput(Strict):
    blast_count = serializers.IntegerField(min_value=1, max_value=LARGE)
    blast_percent = serializers.IntegerField(min_value=1, max_value=100)
    parallel = serializers.IntegerField(min_value=1, max_value=SMALL)
    reason = serializers.CharField(max_length=250, default="", allow_blank=True)


class ScanSerializer(serializers.ModelSerializer[Scan]):
    """One look at an endpoint. `total` is null while the hypervisor is asked; moments are real time."""

    class Meta:
        model = Scan
        fields = [
            "id", "mode", "state", "began_at", "ended_at", "total", "written", "found", "changed", "missed", "returned",
            "notes", "error", "stop_asked_at",
        ]  # fmt: skip


class CertificateSerializer(serializers.Serializer[checking.Shown]):
    host = serializers.CharField()
    subject = serializers.CharField(source="certificate.subject", allow_null=True, default=None)
    issuer = serializers.CharField(source="certificate.issuer", allow_null=True, default=None)
    ends_at = serializers.DateTimeField(source="certificate.ends_at", allow_null=True, default=None)
    problem = serializers.CharField(help_text="Why it is not trusted; empty when it is.")


class CheckSerializer(serializers.Serializer[checking.Report]):
    ok = serializers.BooleanField(help_text="It can be worked with.")
    product = serializers.CharField(help_text="Product and version; empty where nothing answers.")
    certificates = CertificateSerializer(many=True, help_text="Of each host that is reached over TLS.")
    missing_rights = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="By name; null where this kind cannot tell."
    )
    able = serializers.SerializerMethodField(help_text="What endpoints of its kind can do.")
    problems = serializers.ListField(child=serializers.CharField())

    @extend_schema_field(serializers.DictField(child=serializers.BooleanField()))
    def get_able(self, report: checking.Report) -> dict[str, bool]:
        return {name: able for name, _meaning, able in report.abilities}


@extend_schema(tags=["endpoints"])
class EndpointViewSet(mixins.RetrieveModelMixin, Listed[Endpoint]):
    """Hypervisors. A new one is only watched."""

    permission_classes = [OfTheHouse]
    serializer_class = EndpointSerializer
    queryset = Endpoint.objects.all()
    page_key = ("name", "id")

    @extend_schema(request=EndpointInput, responses={201: EndpointSerializer})
    def create(self, request: Request) -> Response:
        endpoint = actions.add_endpoint(by=me(request), **sent(request, EndpointInput))
        ask_scan(endpoint, by=me(request))
        return Response(EndpointSerializer(endpoint).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=EndpointChange, responses=EndpointSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        endpoint: Endpoint = self.get_object()
        return self._shown(actions.change_endpoint(endpoint, by=me(request), **sent(request, EndpointChange)))

    @extend_schema(request=ModeInput, responses=EndpointSerializer)
    @action(detail=True, methods=["post"])
    def mode(self, request: Request, pk: str) -> Response:
        """Observe: only read. Manage: the portal may change things there."""
        endpoint: Endpoint = self.get_object()
        given = sent(request, ModeInput)
        mode = Endpoint.Mode(given["mode"])
        return self._shown(actions.set_mode(endpoint, mode, by=me(request), reason=given["reason"]))

    @extend_schema(request=LimitsInput, responses=EndpointSerializer)
    @action(detail=True, methods=["post"])
    def limits(self, request: Request, pk: str) -> Response:
        """How much may be removed within an hour before it waits, and how much runs at once."""
        endpoint: Endpoint = self.get_object()
        return self._shown(actions.set_limits(endpoint, by=me(request), **sent(request, LimitsInput)))

    @extend_schema(request=None, responses={202: EndpointSerializer})
    @action(detail=True, methods=["post"])
    def scan(self, request: Request, pk: str) -> Response:
        """Has a worker look there as soon as it can; `scanned_at` says when it did."""
        endpoint: Endpoint = self.get_object()
        ask_scan(endpoint, by=me(request))
        return self._shown(endpoint, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses={202: EndpointSerializer})
    @action(detail=True, methods=["post"])
    def files(self, request: Request, pk: str) -> Response:
        """Has a worker look through its disk files as soon as it can; `files_at` of its storage says when it did."""
        endpoint: Endpoint = self.get_object()
        ask_files(endpoint, by=me(request))
        return self._shown(endpoint, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses={202: ScanSerializer})
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:
        """Ends the look that is under way after what it writes just now; the next one goes on."""
        endpoint: Endpoint = self.get_object()
        return Response(ScanSerializer(ask_stop(endpoint, by=me(request))).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses=ScanSerializer(many=True))
    @action(detail=True)
    def scans(self, request: Request, pk: str) -> Response:
        """The latest looks, newest first; one that is under way says how far it is."""
        rows = Scan.objects.filter(endpoint=self.get_object())
        return listed(request, rows, key=("-id",), shown=lambda page: [ScanSerializer(scan).data for scan in page])

    @extend_schema(request=None, responses=CheckSerializer)
    @action(detail=True, methods=["post"])
    def check(self, request: Request, pk: str) -> Response:
        """Asks it, here and now, who it is and what its account may do; changes nothing there. Takes some seconds."""
        endpoint: Endpoint = self.get_object()
        return Response(CheckSerializer(checking.check(endpoint, by=me(request))).data)

    @extend_schema(responses=ImageSerializer(many=True))
    @action(detail=True)
    def images(self, request: Request, pk: str) -> Response:
        """What blueprints can be made from."""
        return self._parts(Image.objects.filter(endpoint=self.get_object(), gone=False), ImageSerializer)

    @extend_schema(responses=PoolSerializer(many=True))
    @action(detail=True)
    def pools(self, request: Request, pk: str) -> Response:
        """Where machines can be placed."""
        return self._parts(Pool.objects.filter(endpoint=self.get_object(), gone=False), PoolSerializer)

    def _parts(self, rows: QuerySet[Any], shape: type[serializers.ModelSerializer[Any]]) -> Response:
        return listed(self.request, rows, key=("name", "id"), shown=lambda page: shape(page, many=True).data)

    def _shown(self, endpoint: Endpoint, *, status: int = status.HTTP_200_OK) -> Response:
        return Response(EndpointSerializer(endpoint).data, status=status)
