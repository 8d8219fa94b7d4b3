"""Rights on PostgreSQL for a role that does not own the tables: the portal runs as it, migrations run as the owner."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from lifecycle.models import Entry

RECORD = Entry._meta.db_table


class Command(BaseCommand):
    help = (
        "Prints, or applies, the rights with which a role may do all that the portal does, and not change its record."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--role", required=True, help="The role as which web and worker connect; it must exist.")
        parser.add_argument("--apply", action="store_true", help="Do it, as the owner of the tables.")

    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("SQLite knows no roles. Its triggers keep the record.")
        refuse_owner(options["role"])
        statements = rights(options["role"])
        if options["apply"]:
            with transaction.atomic(), connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        self.stdout.write("\n".join(f"{statement};" for statement in statements))


def rights(role: str) -> list[str]:
    """Everything in the schema, now and after later migrations; of the record only reading and adding."""
    name, record = connection.ops.quote_name(role), connection.ops.quote_name(RECORD)
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        (schema,) = cursor.fetchone()
    here, work = f"IN SCHEMA {schema}", "SELECT, INSERT, UPDATE, DELETE"
    return [
        f"GRANT USAGE ON SCHEMA {schema} TO {name}",
        f"GRANT {work} ON ALL TABLES {here} TO {name}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES {here} TO {name}",
        f"ALTER DEFAULT PRIVILEGES {here} GRANT {work} ON TABLES TO {name}",
        f"ALTER DEFAULT PRIVILEGES {here} GRANT USAGE, SELECT ON SEQUENCES TO {name}",
        f"REVOKE UPDATE, DELETE, TRUNCATE, TRIGGER ON {record} FROM {name}, PUBLIC",
    ]


def refuse_owner(role: str) -> None:
    """Rights bind neither an owner nor a superuser."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.rolsuper OR pg_has_role(r.oid, t.relowner, 'MEMBER') FROM pg_roles r, pg_class t "
            "WHERE r.rolname = %s AND t.oid = to_regclass(%s)",
            [role, RECORD],
        )
        found = cursor.fetchone()
    if found is None:
        raise CommandError(f"There is no role {role}. Make one: CREATE ROLE {connection.ops.quote_name(role)} LOGIN.")
    if found[0]:
        raise CommandError(f"{role} owns the record or is a superuser: rights do not bind it. Name another role.")
