"""Idempotency keys: a POST that is sent again with the same key is answered again, and done once."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse, HttpResponseBase
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.errors import Conflict, Invalid
from lifecycle.replies import actions
from lifecycle.replies.models import Reply
from portal.api.asking import me
from portal.api.parsing import TooLarge

HEADER = "Idempotency-Key"
READABLE = r"[\x21-\x7e]{1,255}"
PARAMETER = OpenApiParameter(
    HEADER,
    {"type": "string", "pattern": r"^[\x21-\x7e]+$", "minLength": 1, "maxLength": 255},
    OpenApiParameter.HEADER,
    description="Chosen by the caller. Sent again within a day, what was done is answered again and not done again.",
)


class Again(Exception):
    """The work was done before; this is what was answered then."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.key)
        self.answer = HttpResponse(bytes(reply.body), status=reply.status, content_type="application/json")
        self.answer["Idempotency-Replayed"] = "true"


class UnderWay(APIException):
    """DRF writes `wait` as Retry-After."""

    status_code = 409
    default_code = "under_way"
    wait = 1


def key_of(request: Request) -> str | None:
    given: str | None = request.headers.get(HEADER)
    if given is not None and not re.fullmatch(READABLE, given):
        raise Invalid(_("A key has 1 to 255 printable characters without spaces."), field=HEADER)
    return given


def digest_of(request: Request) -> str:
    """What is asked for, keyed: a body may hold a secret, which nobody shall guess from the stored digest.

    Read before the body is parsed, so that it can be read twice.
    """
    try:
        parts = [request.method or "", request.get_full_path(), request.headers.get("Content-Type", "")]
        asked = "\n".join(parts).encode() + b"\n\n" + request.body
        return salted_hmac("portal.api.once", asked, algorithm="sha256").hexdigest()
    except RequestDataTooBig:
        raise TooLarge from None


def claim(key: str, digest: str, request: Request, *, keeps_answers: bool) -> Reply:
    """The key, to be kept or released after the work. Raises Again where the work was done before."""
    try:
        reply = actions.claim(key, digest, by=me(request))
    except actions.UnderWay as error:
        raise UnderWay(error.message) from None
    if reply.status is None:
        return reply
    if not keeps_answers:
        raise Conflict(_("This was done already. Its answer held a secret, and is not kept."))
    raise Again(reply)


def keep(claimed: Reply, answer: HttpResponseBase, *, keeps_answers: bool) -> None:
    body: Any = b""
    if keeps_answers and isinstance(answer, Response):
        body = answer.render().content
    actions.keep(claimed, status=answer.status_code, body=body)
