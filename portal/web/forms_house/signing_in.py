"""Name and password. django-axes counts wrong ones; the words about it are ours."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from lifecycle.people.models import User
from portal.identity import is_locked_out


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": _("Name or password is wrong."),
        "too_many": _("Too many wrong tries. Wait a few minutes."),
    }

    def clean_username(self) -> str:
        """A mail address is as good as a name, where it belongs to one person only."""
        given: str = self.cleaned_data["username"]
        if "@" in given:
            names = User.objects.filter(email__iexact=given).values_list("username", flat=True)[:2]
            return names[0] if len(names) == 1 else given
        return given

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except ValidationError:
            if is_locked_out(self.request):
                raise ValidationError(self.error_messages["too_many"], code="too_many") from None
            raise
