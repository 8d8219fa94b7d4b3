"""How the API describes itself: what every endpoint has in common is said here, once."""

from __future__ import annotations

from typing import Any

from drf_spectacular.authentication import BasicScheme, SessionScheme, TokenScheme
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from portal.api import once
from portal.errors import PROBLEM

REFUSALS = {
    400: "The body cannot be read.",
    401: "Nobody is signed in, or name or password is wrong.",
    403: "You may see this, but not do it; or not see it at all, and everybody knows that it exists.",
    404: "There is nothing here, or nothing that you may see.",
    409: "Somebody or something was first: it is no longer as you saw it. Nothing was changed.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "A value is wrong; `errors` says which and why. Nothing was changed.",
    429: "Too often; `Retry-After` says how many seconds to wait.",
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


class BearerScheme(TokenScheme):
    target_class = "portal.api.authentication.Bearer"
    name = "tokenAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer"}


class CookieScheme(SessionScheme):
    target_class = "portal.api.authentication.Session"


class Described(AutoSchema):
    def get_override_parameters(self) -> list[Any]:
        """The filters of lists, and the key of whatever is posted."""
        shape = getattr(self.view, "filter_shape", None) if getattr(self.view, "action", "") == "list" else None
        filters = [shape] if shape and shape().fields else []
        return [*filters, once.PARAMETER] if self.method == "POST" else filters

    def get_operation(self, *args: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args)
        if operation is not None:
            problem = {PROBLEM: {"schema": self.resolve_serializer(ProblemSerializer, "response").ref}}
            for status in self._refusals(operation):
                operation["responses"][str(status)] = {"description": REFUSALS[status], "content": problem}
        return operation

    def _refusals(self, operation: dict[str, Any]) -> list[int]:
        sends, filtered = "requestBody" in operation, any(at["in"] != "path" for at in operation.get("parameters", []))
        writes, named = self.method in WRITES, "{" in self.path
        refused = {
            401: True,
            403: True,
            400: sends,
            404: named,
            409: writes,
            413: sends,
            415: sends,
            422: sends or filtered,
        }
        return sorted(status for status, may in (refused | {429: True}).items() if may)
