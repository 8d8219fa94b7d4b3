"""Secrets at rest: encrypted with the first of SETTINGS.SECRETS_KEYS, readable with any of them."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


def _box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.SECRETS_KEYS])


class SecretField(models.TextField):  # type: ignore[type-arg] # Django has no such generic at run time
    """Plain text in memory, ciphertext in the database; can be neither searched nor serialised."""

    def get_prep_value(self, value: Any) -> Any:
        return _box().encrypt(value.encode()).decode() if value else ""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str:
        if not value:
            return ""
        try:
            return _box().decrypt(value.encode()).decode()
        except InvalidToken:
            raise ImproperlyConfigured("A stored secret cannot be read with any of SECRETS_KEYS.") from None

    def get_lookup(self, lookup_name: str) -> None:
        return None

    def value_to_string(self, obj: models.Model) -> str:
        return ""
