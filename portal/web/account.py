"""My account: signing in and out, sessions, tokens, SSH keys, password, time zone, theme."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lifecycle.people import account as acts
from lifecycle.people import sessions, sshkeys, tokens
from portal.identity import address_of
from portal.web.access import Asked, back
from portal.web.agentwords import agent_words
from portal.web.formproblems import shown_on
from portal.web.forms.account import THEMES, PasswordForm, SshKeyForm, TokenForm, ZoneForm
from portal.web.forms_house.signing_in import SignInForm

DEMO_PEOPLE = ("lena", "tomasz", "ingrid")

form_page = require_http_methods(["GET", "HEAD", "POST"])


@method_decorator(login_not_required, name="dispatch")
class SignIn(LoginView):
    template_name = "identity/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        session = self.request.session
        session["sign_in"] = sessions.begin(
            form.get_user(),
            session_key=session.session_key or "",
            address=address_of(self.request),
            agent=self.request.headers.get("User-Agent", ""),
        ).pk
        return answer

    def get_initial(self) -> dict[str, Any]:
        wanted = self.request.GET.get("as", "")
        return {"username": wanted} if settings.DEMO and wanted in DEMO_PEOPLE else {}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        demo = {"people": DEMO_PEOPLE, "password": _demo_password()} if settings.DEMO else None
        return super().get_context_data(demo_sign_in=demo, **kwargs)


class SignOut(LogoutView):
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        sessions.ended(request.session.session_key or "")
        return super().post(request, *args, **kwargs)


@require_safe
def account(request: Asked) -> HttpResponse:
    return _page(request, ZoneForm(initial={"zone": request.user.zone}))


@form_page
def new_token(request: Asked) -> HttpResponse:
    """The answer to a good form is the token itself: it is kept nowhere, so there is no page to go on to."""
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with shown_on(form):
            token, plain = tokens.make(request.user, by=request.user, **form.cleaned_data)
            return render(request, "account/token_made.html", {"token": token, "plain": plain})
    return render(request, "account/token_new.html", {"form": form}, status=422 if form.is_bound else 200)


@form_page
def revoke_token(request: Asked, pk: int) -> HttpResponse:
    token = request.user.tokens.get(pk=pk)
    if request.method == "POST":
        tokens.revoke(token, by=request.user)
        messages.success(request, _("%(token)s works no more.") % {"token": token})
        return redirect("account")
    return render(request, "account/token_revoke.html", {"token": token})


@sensitive_post_parameters("key")
@form_page
def new_ssh_key(request: Asked) -> HttpResponse:
    form = SshKeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with shown_on(form):
            added = sshkeys.add(request.user, by=request.user, **form.cleaned_data)
            messages.success(request, _("%(key)s can be given to new machines.") % {"key": added})
            return redirect("account")
    return render(request, "account/ssh_key_new.html", {"form": form}, status=422 if form.is_bound else 200)


@form_page
def remove_ssh_key(request: Asked, pk: int) -> HttpResponse:
    key = request.user.ssh_keys.get(pk=pk)
    if request.method == "POST":
        sshkeys.remove(key, by=request.user)
        messages.success(request, _("%(key)s is not given to new machines any more.") % {"key": key})
        return redirect("account")
    return render(request, "account/ssh_key_remove.html", {"key": key})


@require_POST
def end_session(request: Asked, pk: int) -> HttpResponse:
    sessions.end(request.user.sign_ins.get(pk=pk), by=request.user)
    messages.success(request, _("That browser is signed out."))
    return redirect("account")


@require_POST
def end_other_sessions(request: Asked) -> HttpResponse:
    count = sessions.end_others(request.user, keep=request.session.session_key or "", by=request.user)
    words = ngettext("%(n)s other session is signed out.", "%(n)s other sessions are signed out.", count) % {"n": count}
    messages.success(request, words if count else _("There was no other session."))
    return redirect("account")


@sensitive_post_parameters()
@form_page
def password(request: Asked) -> HttpResponse:
    form = PasswordForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        with shown_on(form):
            acts.change_password(request.user, password=form.cleaned_data["password"], by=request.user)
            _keep_only_this_session(request)
            messages.success(request, _("Your password is changed, and other sessions are signed out."))
            return redirect("account")
    return render(request, "account/password.html", {"form": form}, status=422 if form.is_bound else 200)


@require_POST
def zone(request: Asked) -> HttpResponse:
    form = ZoneForm(request.POST)
    if form.is_valid():
        with shown_on(form):
            acts.set_zone(request.user, form.cleaned_data["zone"], by=request.user)
            messages.success(request, _("Times are shown in %(zone)s.") % {"zone": request.user.zone})
            return redirect("account")
    return _page(request, form, status=422)


@require_POST
def theme(request: Asked) -> HttpResponse:
    """Kept by the browser, since it is about its screen."""
    answer = back(request, "account")
    wanted = request.POST.get("theme", "")
    if wanted in THEMES:
        answer.set_cookie("theme", wanted, max_age=365 * 24 * 3600 if wanted else 0, samesite="Lax")
    return answer


def _page(request: Asked, zone_form: ZoneForm, status: int = 200) -> HttpResponse:
    places = list(sessions.of(request.user))
    for place in places:
        place.words = agent_words(place.agent)  # type: ignore[attr-defined]
        place.here = place.session_key == request.session.session_key  # type: ignore[attr-defined]
    context = {
        "tokens": request.user.tokens.filter(revoked_at=None),
        "ssh_keys": request.user.ssh_keys.all(),
        "places": places,
        "others": [place for place in places if not place.here],  # type: ignore[attr-defined]
        "zone": zone_form,
        "themes": THEMES.items(),
        "theme": request.COOKIES.get("theme", ""),
    }
    return render(request, "account/account.html", context, status=status)


def _keep_only_this_session(request: Asked) -> None:
    """Under a new key, as after any proof of who it is; every other one ends with the old password."""
    before = request.session.session_key or ""
    update_session_auth_hash(request, request.user)
    now = request.session.session_key or ""
    sessions.rename(before, now)
    sessions.end_others(request.user, keep=now, by=request.user)


def _demo_password() -> str:
    """The demo answers on loopback only and makes a password of its own for each installation."""
    try:
        return (settings.DATA_DIR / "password").read_text().strip()
    except OSError:
        return ""
