"""Who asks: a program by its token, or by name and password, or a browser by its session."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import (
    BaseAuthentication,
    BasicAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, Throttled
from rest_framework.request import Request

from lifecycle.people import tokens
from lifecycle.people.models import Token, User
from portal.origins import origin_words
from portal.web.forms_house.signing_in import SignInForm


class Basic(BasicAuthentication):
    """First in the list, so that an answer 401 says how to sign in."""

    www_authenticate_realm = "Leasehold"

    def authenticate_header(self, request: Request) -> str:
        return f'{super().authenticate_header(request)}, Bearer realm="{self.www_authenticate_realm}"'

    @sensitive_variables()
    def authenticate_credentials(self, userid: str, password: str, request: Any = None) -> tuple[Any, None]:
        """By the sign-in page's own form: whoever is braked there is braked here too."""
        form = SignInForm(getattr(request, "_request", request), {"username": userid, "password": password})
        if form.is_valid():
            return form.get_user(), None
        if form.has_error("__all__", "too_many"):
            raise Throttled(wait=settings.AXES_COOLOFF_TIME.total_seconds())
        raise AuthenticationFailed(str(next(iter(form.errors.values()))[0]))


class Bearer(BaseAuthentication):
    """A token sees and does what its person may, within its scope."""

    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        kind, _space, plain = get_authorization_header(request).partition(b" ")
        if kind.lower() != b"bearer":
            return None
        token = tokens.known(plain.strip().decode("latin-1"))
        if token is None:
            raise AuthenticationFailed(_("This token is not known, or is good no more."))
        if not tokens.allows(token, request.method or ""):
            raise PermissionDenied(_("This token may only read. Make one that may act."))
        return token.person, token


class Session(SessionAuthentication):
    def enforce_csrf(self, request: Request) -> None:
        """Says what is missing, where it is a setting."""
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            raise PermissionDenied(origin_words(request, str(error.detail)) or error.detail) from None
