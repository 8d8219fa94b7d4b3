"""Every stored secret is sealed anew, with the row and the place that it belongs to inside."""

import json
import uuid
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import migrations, models

import lifecycle.estate.secrets

PLACES = ("address", "port", "transport", "path", "username", "ca_pem")


def name_rows(apps: Any, schema_editor: Any) -> None:
    Endpoint = apps.get_model("lifecycle", "Endpoint")
    for pk in Endpoint.objects.values_list("pk", flat=True):
        Endpoint.objects.filter(pk=pk).update(secret_id=uuid.uuid4())


def bind(apps: Any, schema_editor: Any) -> None:
    each_secret(schema_editor, lambda plain, belonging: belonging + plain)


def release(apps: Any, schema_editor: Any) -> None:
    each_secret(schema_editor, lambda plain, belonging: plain.removeprefix(belonging))


def each_secret(schema_editor: Any, changed: Callable[[str, str], str]) -> None:
    """In SQL: the model's own column would seal by today's rules, whatever they have become since."""
    box = MultiFernet([Fernet(key) for key in settings.SECRETS_KEYS])
    columns = ", ".join(schema_editor.quote_name(name) for name in ("id", "name", "secret", "secret_id", *PLACES))
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM lifecycle_endpoint WHERE secret <> ''")  # noqa: S608 - our own names
        for pk, name, secret, secret_id, *places in cursor.fetchall():
            try:
                plain = box.decrypt(secret.encode()).decode()
            except InvalidToken:
                raise RuntimeError(
                    f"The secret of {name} cannot be read with any of SECRETS_KEYS. Add the key that it was encrypted "
                    "with, or empty its column, and migrate again."
                ) from None
            values = ["" if value is None else str(value) for value in (uuid.UUID(str(secret_id)), *places)]
            belonging = sha256(json.dumps(["lifecycle.endpoint", "secret", *values]).encode()).hexdigest()
            sealed = box.encrypt(changed(plain, belonging).encode()).decode()
            cursor.execute("UPDATE lifecycle_endpoint SET secret = %s WHERE id = %s", [sealed, pk])


class Migration(migrations.Migration):
    dependencies = [("lifecycle", "0002_people_of_a_company")]

    operations = [
        migrations.AddField("endpoint", "secret_id", models.UUIDField(null=True)),
        migrations.RunPython(name_rows, migrations.RunPython.noop),
        migrations.RunPython(bind, release),
        migrations.AlterField(
            "endpoint", "secret_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
        ),
        migrations.AlterField(
            "endpoint",
            "secret",
            lifecycle.estate.secrets.SecretField(
                blank=True,
                bound_to=["secret_id", "address", "port", "transport", "path", "username", "ca_pem"],
                verbose_name="secret",
            ),
        ),
    ]
