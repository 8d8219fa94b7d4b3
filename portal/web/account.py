"""Signing in and out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.utils.decorators import method_decorator

from portal.web.forms_house.signing_in import SignInForm

DEMO_PEOPLE = ("lena", "tomasz", "ingrid")


@method_decorator(login_not_required, name="dispatch")
class SignIn(LoginView):
    template_name = "identity/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_initial(self) -> dict[str, Any]:
        wanted = self.request.GET.get("as", "")
        return {"username": wanted} if settings.DEMO and wanted in DEMO_PEOPLE else {}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        demo = {"people": DEMO_PEOPLE, "password": _demo_password()} if settings.DEMO else None
        return super().get_context_data(demo_sign_in=demo, **kwargs)


class SignOut(LogoutView):
    http_method_names = ["post", "options"]


def _demo_password() -> str:
    """The demo answers on loopback only and makes a password of its own for each installation."""
    try:
        return (settings.DATA_DIR / "password").read_text().strip()
    except OSError:
        return ""
