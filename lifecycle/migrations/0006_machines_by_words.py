"""On PostgreSQL an index for the search of machines, where its extension pg_trgm can be had; without it all are read."""

from typing import Any

from django.db import migrations

# The search by words (estate/search.py): each expression as Django writes "icontains", or it would not be used.
INDEX = """CREATE INDEX machine_by_words ON lifecycle_machine USING gin (
    upper(name::text) gin_trgm_ops, upper(guest_name::text) gin_trgm_ops, upper(purpose) gin_trgm_ops,
    upper((addresses)::text) gin_trgm_ops)"""
MAY_HAVE_IT = """SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') OR (
    EXISTS (SELECT FROM pg_available_extension_versions WHERE name = 'pg_trgm' AND (trusted OR NOT superuser))
    AND has_database_privilege(current_database(), 'CREATE')
    OR EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm')
    AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))"""


def create(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(MAY_HAVE_IT)
        if cursor.fetchone()[0]:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            cursor.execute(INDEX)


def drop(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS machine_by_words")


class Migration(migrations.Migration):
    dependencies = [("lifecycle", "0005_replies_to_programs")]

    operations = [migrations.RunPython(create, drop, elidable=False)]
