"""What every address of the API has around its work: a rate, and keys with which asking twice is once."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.views import APIView

from lifecycle.replies.actions import release
from lifecycle.replies.models import Reply
from portal.api import once, rates


class Guarded(APIView):
    """Every view of the API is one of these; a test looks."""

    keeps_answers = True
    """False where an answer holds a secret: then the same key twice is a conflict."""
    rate: rates.Rate | None = None
    claimed: Reply | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        key = once.key_of(request) if request.method == "POST" else None
        digest = once.digest_of(request) if key else ""
        super().initial(request, *args, **kwargs)
        if key:
            self.claimed = once.claim(key, digest, request, keeps_answers=self.keeps_answers)

    def perform_authentication(self, request: Request) -> None:
        rates.stop_strangers(request)
        try:
            super().perform_authentication(request)
        except AuthenticationFailed:
            self.rate = rates.of_address(request)
            raise
        self.rate = (rates.of_person if request.user.is_authenticated else rates.of_address)(request)

    def handle_exception(self, exc: Exception) -> Any:
        """Whatever is no success has changed nothing: its key is free again."""
        if self.claimed is not None:
            release(self.claimed)
            self.claimed = None
        if isinstance(exc, rates.TooOften):
            self.rate = exc.rate
        return exc.answer if isinstance(exc, once.Again) else super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)
        if self.rate is not None:
            self.rate.write(answer)
        if self.claimed is not None:
            once.keep(self.claimed, answer, keeps_answers=self.keeps_answers)
            self.claimed = None
        return answer
