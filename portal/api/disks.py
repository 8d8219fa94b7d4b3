"""Disk files that nothing uses: which are proven to be nobody's, and renaming, keeping and removing them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle import clock
from lifecycle.models import Datastore, DiskFile, Endpoint
from lifecycle.sprawl.files import actions, queries
from lifecycle.sprawl.files.proof import WORDS
from portal.api.asking import ReasonInput, Strict, me, sent
from portal.api.endpoints import EndpointNameSerializer
from portal.api.fields import AskedRow, Day
from portal.api.listing import Listed
from portal.api.operations import OperationSerializer
from portal.api.permissions import OfTheHouse


class DatastoreSerializer(serializers.ModelSerializer[Datastore]):
    """`shared`: hosts beyond its endpoint may mount it. `all_known`: an administrator vouched that none here unknown
    does. `identity` is the same from every endpoint that mounts the storage."""

    endpoint = EndpointNameSerializer(read_only=True)

    class Meta:
        model = Datastore
        fields = ["id", "name", "endpoint", "identity", "shared", "all_known", "files_at"]


class DiskFileSerializer(serializers.ModelSerializer[DiskFile]):
    """`doubt` is the first reason why it is not proven to be nobody's; empty when it is proven. Names are whatever
    people gave."""

    datastore = DatastoreSerializer(read_only=True)
    doubt = serializers.ChoiceField(list(WORDS), read_only=True, allow_blank=True)

    class Meta:
        model = DiskFile
        fields = [
            "id", "name", "former_name", "datastore", "size_mib", "state", "doubt", "looks", "unused_since",
            "changed_at", "seen_at", "gone_at", "end", "retired_at", "remove_at",
        ]  # fmt: skip


class DoubtSerializer(serializers.Serializer[Any]):
    code = serializers.ChoiceField(list(WORDS))
    words = serializers.CharField(source="*", help_text="A sentence.")


class SightSerializer(serializers.Serializer[Any]):
    datastore = DatastoreSerializer()
    looks = serializers.IntegerField(
        source="row.looks", default=None, allow_null=True, help_text="Null: it does not call the file unused."
    )


class ProofSerializer(serializers.Serializer[Any]):
    """As it is at this moment."""

    proven = serializers.BooleanField()
    doubts = DoubtSerializer(many=True)
    sights = SightSerializer(many=True)


class DiskFileFilter(Strict):
    state = serializers.ChoiceField(
        [*queries.STATES, queries.ENDED], required=False,
        help_text="`proven`, `doubtful`: nothing was decided; `waiting`: renamed, or about to be; `ended`: those that"
        " had been renamed and are gone or used again.",
    )  # fmt: skip
    doubt = serializers.ChoiceField(list(WORDS), required=False, help_text="Only those with this first reason.")
    endpoint = AskedRow(queryset=Endpoint.objects.all(), required=False)
    datastore = AskedRow(queryset=Datastore.objects.all(), required=False)


class DayInput(ReasonInput):
    day = Day()


@extend_schema(tags=["disk files"])
class DiskFileViewSet(mixins.RetrieveModelMixin, Listed[DiskFile]):
    """Disk files that no machine of their endpoint uses, each once, the largest first."""

    permission_classes = [OfTheHouse]
    serializer_class = DiskFileSerializer
    filter_shape = DiskFileFilter
    page_key = queries.KEY
    queryset = DiskFile.objects.none()

    def get_queryset(self) -> QuerySet[DiskFile]:
        if self.action != "list":
            return queries.shown()
        asked = {name: value for name, value in self.filters().items() if value}
        return queries.files(**asked).select_related("datastore__endpoint")

    @extend_schema(responses=ProofSerializer)
    @action(detail=True)
    def proof(self, request: Request, pk: str) -> Response:
        """What speaks against its being nobody's, and how every endpoint that mounts its storage sees it."""
        sights, doubts = queries.sights(self.get_object(), clock.now())
        return Response(ProofSerializer({"proven": not doubts, "doubts": doubts, "sights": sights}).data)

    @extend_schema(request=ReasonInput, responses={202: OperationSerializer})
    @action(detail=True, methods=["post"])
    def rename(self, request: Request, pk: str) -> Response:
        """Has it renamed; it is removed after a wait. Refused unless it is proven to be nobody's."""
        operation = actions.retire(self.get_object(), by=me(request), **sent(request, ReasonInput))
        return Response(OperationSerializer(operation).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=None, responses=DiskFileSerializer)
    @action(detail=True, methods=["post"])
    def keep(self, request: Request, pk: str) -> Response:
        """It gets its name back and is not removed."""
        actions.restore(self.get_object(), by=me(request))
        return self.retrieve(request)

    @extend_schema(request=DayInput, responses=DiskFileSerializer)
    @action(detail=True, methods=["post"])
    def day(self, request: Request, pk: str) -> Response:
        """It is not removed before this day; never sooner than the house has set."""
        actions.set_removal(self.get_object(), by=me(request), **sent(request, DayInput))
        return self.retrieve(request)


@extend_schema(tags=["disk files"])
class StorageViewSet(mixins.RetrieveModelMixin, Listed[Datastore]):
    """Storage as each endpoint mounts it."""

    permission_classes = [OfTheHouse]
    serializer_class = DatastoreSerializer
    page_key = ("id",)
    queryset = Datastore.objects.none()

    def get_queryset(self) -> QuerySet[Datastore]:
        return Datastore.objects.filter(gone=False).select_related("endpoint")

    @extend_schema(request=ReasonInput, responses=DatastoreSerializer)
    @action(detail=True, methods=["post"])
    def vouch(self, request: Request, pk: str) -> Response:
        """An administrator's word that no host mounts it beyond those of the endpoints here."""
        actions.vouch(self.get_object(), by=me(request), **sent(request, ReasonInput))
        return self.retrieve(request)

    @extend_schema(request=ReasonInput, responses=DatastoreSerializer)
    @action(detail=True, methods=["post"], url_path="withdraw-word")
    def withdraw_word(self, request: Request, pk: str) -> Response:
        """Takes that word back."""
        actions.withdraw_word(self.get_object(), by=me(request), **sent(request, ReasonInput))
        return self.retrieve(request)
