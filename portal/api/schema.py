"""How the API describes itself: what every endpoint has in common is said here, once."""

from __future__ import annotations

from typing import Any

from drf_spectacular.authentication import BasicScheme
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from portal.api.permissions import IsAdmin
from portal.errors import PROBLEM

REFUSALS = {
    401: "Nobody is signed in, or name or password is wrong.",
    403: "You may see this, but not do it.",
    404: "There is nothing here, or nothing that you may see.",
    409: "Somebody or something was first: it is no longer as you saw it. Nothing was changed.",
    422: "A value is wrong; `errors` says which and why. Nothing was changed.",
}
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class ProblemSerializer(serializers.Serializer[Any]):
    """Every answer that is not a success (RFC 9457)."""

    type = serializers.CharField(help_text="`urn:leasehold:` and a code that does not change.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="A sentence for a person.")
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="Field to what is wrong with it.",
    )


class Scheme(BasicScheme):
    """Tells the schema what our own sign-in for programs is."""

    target_class = "portal.api.authentication.Basic"


class Described(AutoSchema):
    def get_override_parameters(self) -> list[Any]:
        """The filters of lists; of none, where there are none."""
        shape = getattr(self.view, "filter_shape", None) if getattr(self.view, "action", "") == "list" else None
        return [shape] if shape and shape().fields else []

    def get_operation(self, *args: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args)
        if operation is not None:
            problem = {PROBLEM: {"schema": self.resolve_serializer(ProblemSerializer, "response").ref}}
            for status in self._refusals(sends="requestBody" in operation):
                operation["responses"][str(status)] = {"description": REFUSALS[status], "content": problem}
        return operation

    def _refusals(self, *, sends: bool) -> list[int]:
        writes, named = self.method in WRITES, "{" in self.path
        refused = {
            401: True,
            403: writes or IsAdmin in self.view.permission_classes,
            404: named,
            409: writes,
            422: sends or getattr(self.view, "action", "") == "list",
        }
        return [status for status, may in refused.items() if may]
