"""Whose a machine might be: part of the machines' and of the orphans' endpoints."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.models import HolderCandidate, Machine
from lifecycle.people.permissions import LOOK_INTO_HOUSE, require
from lifecycle.sprawl.attribution.sources import LEVELS, level_of
from portal.api.asking import me
from portal.api.people import PersonSerializer, TeamSerializer


class CandidateEvidenceSerializer(serializers.Serializer[Any]):
    what = serializers.CharField(help_text="Which source, such as `created_by` or `cmdb_name`.")
    value = serializers.CharField(allow_blank=True, help_text="What it says: text that anybody may have written.")
    points = serializers.IntegerField(help_text="Below zero: it speaks against them.")
    left = serializers.CharField(required=False, help_text="Of whom it is said, when that one has left.")


class CandidateSerializer(serializers.ModelSerializer[HolderCandidate]):
    """Somebody who might hold it, computed from evidence; never a decision."""

    person = PersonSerializer(read_only=True, allow_null=True)
    team = TeamSerializer(read_only=True, allow_null=True)
    confidence = serializers.SerializerMethodField()
    evidence = CandidateEvidenceSerializer(many=True, read_only=True)

    class Meta:
        model = HolderCandidate
        fields = ["person", "team", "score", "confidence", "evidence"]

    @extend_schema_field(serializers.ChoiceField(choices=LEVELS))
    def get_confidence(self, candidate: HolderCandidate) -> str:
        return level_of(candidate.score)


class Attributed:
    """Acts of one machine; the view gives `get_object`."""

    get_object: Any

    @extend_schema(responses=CandidateSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def candidates(self, request: Request, pk: str) -> Response:
        """Whose it might be, the likeliest first. For administrators and auditors."""
        machine: Machine = self.get_object()
        require(me(request), LOOK_INTO_HOUSE)
        return Response(CandidateSerializer(candidates_of(machine), many=True).data)


def candidates_of(machine: Machine) -> Any:
    return machine.candidates.select_related("person__team", "team")
