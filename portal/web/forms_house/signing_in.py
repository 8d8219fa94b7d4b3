"""Name and password, with a brake on trying them out."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.people.models import User

TRIES, WAIT = 5, 300
"""After so many wrong tries for one name from one address it waits so many seconds."""


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": lazy("Name or password is wrong."),
        "inactive": lazy("This account is locked. Ask the cloud team."),
    }

    def clean_username(self) -> str:
        """A mail address is as good as a name, where it belongs to one person only."""
        given: str = self.cleaned_data["username"]
        if "@" in given:
            names = User.objects.filter(email__iexact=given).values_list("username", flat=True)[:2]
            return names[0] if len(names) == 1 else given
        return given

    def clean(self) -> dict[str, Any]:
        key = self._key()
        wrong = cache.get(key, 0)
        if wrong >= TRIES:
            raise ValidationError(_("Too many wrong tries. Wait 5 minutes."), code="too_many")
        try:
            cleaned = super().clean()
        except ValidationError:
            cache.set(key, wrong + 1, WAIT)
            raise
        cache.delete(key)
        return cleaned

    def _key(self) -> str:
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        name = str(self.cleaned_data.get("username", "")).lower()
        return "sign-in:" + hashlib.sha256(f"{address}\n{name}".encode()).hexdigest()
