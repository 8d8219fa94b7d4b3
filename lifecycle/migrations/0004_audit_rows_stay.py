"""The record of who did what can be filtered at any size, and its rows are neither changed nor removed.

Triggers hold against the application and against whoever uses its connection; who owns the table could drop them, so
the application should not be its owner: `manage.py audit_rights`, docs/running.md.
"""

from typing import Any

from django.db import migrations, models
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Concat, StrIndex, Substr

REFUSAL = "Rows of the audit record are neither changed nor removed."

# Django asks both databases for names by their beginning in different words; each index is in its database's.
NAMES = {
    "postgresql": "CREATE INDEX audit_by_name ON lifecycle_entry (UPPER(object_name::text) text_pattern_ops, at DESC)",
    "sqlite": "CREATE INDEX audit_by_name ON lifecycle_entry (object_name COLLATE NOCASE, at DESC)",
}

GUARDS = {
    # An integrity error, as SQLite's is. A statement that meets no row is refused as well.
    "postgresql": [
        f"""
        CREATE FUNCTION lifecycle_entry_stays() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END
        $$
        """,
        """
        CREATE TRIGGER audit_rows_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON lifecycle_entry
        FOR EACH STATEMENT EXECUTE FUNCTION lifecycle_entry_stays()
        """,
    ],
    "sqlite": [
        f"""
        CREATE TRIGGER audit_rows_stay_as_they_are BEFORE UPDATE ON lifecycle_entry
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
        """,
        f"""
        CREATE TRIGGER audit_rows_stay BEFORE DELETE ON lifecycle_entry
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
        """,
    ],
}

UNGUARDS = {
    "postgresql": ["DROP TRIGGER audit_rows_stay ON lifecycle_entry", "DROP FUNCTION lifecycle_entry_stays()"],
    "sqlite": ["DROP TRIGGER audit_rows_stay_as_they_are", "DROP TRIGGER audit_rows_stay"],
}


def index_names(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute(NAMES[schema_editor.connection.vendor])


def forget_names(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute("DROP INDEX audit_by_name")


def guard(apps: Any, schema_editor: Any) -> None:
    for statement in GUARDS[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def unguard(apps: Any, schema_editor: Any) -> None:
    for statement in UNGUARDS[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("lifecycle", "0003_secrets_bound_to_rows")]

    operations = [
        migrations.AddField(
            model_name="entry",
            name="area",
            field=models.GeneratedField(
                db_persist=True,
                expression=Substr(
                    "verb",
                    1,
                    CombinedExpression(
                        StrIndex(Concat("verb", models.Value(".")), models.Value(".")), "-", models.Value(1)
                    ),
                ),
                output_field=models.CharField(max_length=60),
            ),
        ),
        migrations.AddIndex("entry", models.Index(fields=["actor_id", "-at", "-id"], name="audit_by_person")),
        migrations.AddIndex("entry", models.Index(fields=["object_type", "-at", "-id"], name="audit_by_kind")),
        migrations.AddIndex("entry", models.Index(fields=["area", "-at", "-id"], name="audit_by_area")),
        migrations.AddIndex("entry", models.Index(fields=["verb", "-at", "-id"], name="audit_by_verb")),
        migrations.RunPython(index_names, forget_names),
        migrations.RunPython(guard, unguard),
    ]
