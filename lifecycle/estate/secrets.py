"""Secrets at rest: encrypted with the first of SECRETS_KEYS, readable with any, and only in the row they were given to.

What is encrypted begins with a digest of where it belongs: table, column, and the columns named in `bound_to`. A
ciphertext that was copied to another row, or whose row was pointed at another place behind our back, does not open.
"""

from __future__ import annotations

import hmac
import json
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from django.db import models
from django.views.decorators.debug import sensitive_variables

DIGEST = 64
"""Characters of the digest, before the secret itself."""

MASK = "***"
SHORTEST = 6
"""What is shorter stands in too many words to be masked wherever it does."""
MOST = 5000
"""Lines; a key in PEM has some thirty."""

LONG = 12
"""Of texts of many lines, only such lines are masked as say something: most are words that everybody writes."""
LATEST = 1000
"""Of these lines, the latest: they must not push out the secrets of endpoints."""

_opened: set[str] = set()
_lines: deque[str] = deque(maxlen=LATEST)


class Unreadable(Exception):
    """A stored secret does not open: its key is gone, or it was sealed for something else."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret as the database keeps it. Says nothing of itself."""

    text: str = field(repr=False)

    def __str__(self) -> str:
        return MASK


class SecretField(models.TextField):  # type: ignore[type-arg] # Django has no such generic at run time
    """Takes plain text, is sealed as its row is saved, and is read by `opened` only; cannot be searched or dumped.

    `of_lines`: a text of many lines, few of which are secret.
    """

    def __init__(self, *args: Any, bound_to: Sequence[str] = (), of_lines: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self.bound_to, self.of_lines = tuple(bound_to), of_lines

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        options |= {"bound_to": list(self.bound_to)} | ({"of_lines": True} if self.of_lines else {})
        return name, path, args, options

    @sensitive_variables("value")
    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = getattr(model_instance, self.attname)
        if value and not isinstance(value, Sealed):
            value = seal(model_instance, self, value)
            setattr(model_instance, self.attname, value)
        return value

    def get_prep_value(self, value: Any) -> Any:
        if value and not isinstance(value, Sealed):
            raise TypeError("A secret is sealed with its row: set it on the object and save that.")
        return value.text if value else ""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Sealed | str:
        return Sealed(value) if value else ""

    def value_from_object(self, obj: models.Model) -> str:
        """Forms and dumps get nothing."""
        return ""

    def value_to_string(self, obj: models.Model) -> str:
        return ""

    def get_lookup(self, lookup_name: str) -> None:
        return None


def box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.SECRETS_KEYS])


@sensitive_variables()
def seal(row: models.Model, column: SecretField, plain: str) -> Sealed:
    _remember(column, plain)
    return Sealed(box().encrypt((_belonging(row, column) + plain).encode()).decode())


@sensitive_variables()
def opened(row: models.Model, name: str) -> str:
    """The secret in that column, as plain text. Raises Unreadable."""
    value, column = getattr(row, name), row._meta.get_field(name)
    if not isinstance(value, Sealed):
        _remember(column, value)
        return str(value)
    try:
        text = box().decrypt(value.text.encode()).decode()
    except InvalidToken:
        raise Unreadable("A stored secret cannot be read with any of SECRETS_KEYS.") from None
    belonging, plain = text[:DIGEST], text[DIGEST:]
    if not isinstance(column, SecretField) or not hmac.compare_digest(belonging, _belonging(row, column)):
        raise Unreadable("A stored secret was sealed for another row or place.")
    _remember(column, plain)
    return plain


def columns() -> Iterable[tuple[type[models.Model], SecretField]]:
    """Every column of the installation that keeps secrets."""
    for model in apps.get_models():
        for column in model._meta.concrete_fields:
            if isinstance(column, SecretField):
                yield model, column


def remember(plain: str) -> None:
    """What this process has seen in plain text, so that it can be masked wherever it comes up."""
    if len(_opened) < MOST:
        _opened.update(line for line in plain.splitlines() if len(line) >= SHORTEST and not line.startswith("-----"))


def _remember(column: Any, plain: str) -> None:
    if not getattr(column, "of_lines", False):
        remember(plain)
        return
    said = {line.strip() for line in plain.splitlines()}
    _lines.extend(line for line in said.difference(_lines) if len(line) >= LONG and line[0] != "#" and line[-1] != ":")


def masked(text: str) -> str:
    """Without any secret that this process has seen; longer ones first, since one may be part of another."""
    for plain in sorted([*_opened, *_lines], key=len, reverse=True):
        text = text.replace(plain, MASK)
    return text


def _belonging(row: models.Model, column: SecretField) -> str:
    values = ["" if (value := getattr(row, name)) is None else str(value) for name in column.bound_to]
    return sha256(json.dumps([row._meta.label_lower, column.name, *values]).encode()).hexdigest()
