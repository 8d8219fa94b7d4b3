"""Sign-in for programs: name and password over TLS, beside the browser's session."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BasicAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled

from portal.web.forms_house.signing_in import WAIT, SignInForm


class Basic(BasicAuthentication):
    """First in the list, so that an answer 401 says how to sign in."""

    www_authenticate_realm = "Leasehold"

    def authenticate_credentials(self, userid: str, password: str, request: Any = None) -> tuple[Any, None]:
        """By the sign-in page's own form: whoever is braked there is braked here too."""
        form = SignInForm(getattr(request, "_request", request), {"username": userid, "password": password})
        if form.is_valid():
            return form.get_user(), None
        if form.has_error("__all__", "too_many"):
            raise Throttled(wait=WAIT)
        raise AuthenticationFailed(str(next(iter(form.errors.values()))[0]))
