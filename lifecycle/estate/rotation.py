"""Changing the key of stored secrets: `SECRETS_KEYS=new,old`, rotate, then drop the old one.

Only the encryption is renewed; what a secret is bound to stays inside it. Whatever uses the first key already is left
alone, so that an interrupted run is simply started again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import models, transaction

from lifecycle.audit.actions import HOUSE, record_many
from lifecycle.estate.secrets import Sealed, SecretField, box, columns

CHUNK = 100


@dataclass(frozen=True, slots=True)
class Found:
    """One stored secret: whose it is, and which of SECRETS_KEYS opens it, counted from 1; None if none does."""

    row: models.Model
    column: SecretField
    key: int | None

    def __str__(self) -> str:
        return f"{self.row._meta.verbose_name} {self.row}, {self.column.verbose_name}"


def survey() -> Iterator[Found]:
    """Every stored secret."""
    for model, column in columns():
        for rows in _chunks(model, column):
            yield from (Found(row, column, _key_of(getattr(row, column.attname))) for row in rows)


def rotate() -> Iterator[Found]:
    """Encrypts with the first key whatever is not; yields each as it was found. A chunk is one transaction."""
    for model, column in columns():
        for rows in _chunks(model, column):
            yield from _rotated(model, column, [row.pk for row in rows])


def _rotated(model: type[models.Model], column: SecretField, pks: list[int]) -> list[Found]:
    found = []
    with transaction.atomic():
        # Locked: a secret that is given anew meanwhile must not be overwritten with the one before.
        for row in model._default_manager.select_for_update().filter(pk__in=pks).order_by("pk"):
            sealed = getattr(row, column.attname)
            found.append(Found(row, column, _key_of(sealed)))
            if (found[-1].key or 1) > 1:
                renewed = Sealed(box().rotate(sealed.text.encode()).decode())
                model._default_manager.filter(pk=row.pk).update(**{column.attname: renewed})
        renewed_rows = [each.row for each in found if (each.key or 1) > 1]
        record_many(f"{model._meta.model_name}.key_rotated", renewed_rows, by=HOUSE)
    return found


def _chunks(model: type[models.Model], column: SecretField) -> Iterator[list[models.Model]]:
    last = 0
    while rows := list(model._default_manager.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        last = rows[-1].pk
        yield [row for row in rows if getattr(row, column.attname)]


def _key_of(sealed: Sealed) -> int | None:
    for number, key in enumerate(settings.SECRETS_KEYS, start=1):
        try:
            Fernet(key).decrypt(sealed.text.encode())
        except InvalidToken:
            continue
        return number
    return None
