"""Moves an installation from SQLite into PostgreSQL: all rows or none, and none that was not compared."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.core.management.color import no_style
from django.db import DEFAULT_DB_ALIAS, DatabaseError, IntegrityError, connections, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model

from lifecycle.models import Brake, Heartbeat, Operation
from lifecycle.operations.queries import HEARTBEAT_FRESH
from portal.copying import Row, Sum, Table, models
from portal.environment import address

SOURCE, TARGET = "copied_from", DEFAULT_DB_ALIAS
MADE_BY_MIGRATE = (Permission, ContentType)
"""Filled in every migrated database, with numbers that may differ: the source's are taken, since rows point to them."""
TELL = 100_000
"""Rows after which a long table says how far it is."""


class Command(BaseCommand):
    help = (
        "Copies a SQLite installation into the PostgreSQL that DATABASE_URL names, migrated and empty, and compares"
        " both. Stop web, worker and beat first. Keep SECRET_KEY and SECRETS_KEYS: secrets are copied encrypted."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--from", dest="source", required=True, help="sqlite:////absolute/path/leasehold.sqlite3")
        parser.add_argument("--check", action="store_true", help="Compare only: for a copy that was made before.")

    def handle(self, *args: Any, source: str, check: bool, **options: Any) -> None:
        open_source(source)
        if connections[TARGET].vendor != "postgresql":
            raise CommandError("DATABASE_URL must name the PostgreSQL that is copied into.")
        try:
            refuse_other_versions()
            refuse_work_under_way()
            before = version()
            with transaction.atomic(using=TARGET):
                wanted = self.measure() if check else self.copy()
                self.compare(wanted)
                if version() != before:
                    raise CommandError("The SQLite file was written to meanwhile: stop what uses it, and begin anew.")
        finally:
            connections[SOURCE].close()
        self.finish(wanted, copied=not check)

    def measure(self) -> dict[type[Model], Sum]:
        with transaction.atomic(using=SOURCE):
            return {model: Table(model, SOURCE).sum() for model in models()}

    def copy(self) -> dict[type[Model], Sum]:
        """Both sides in one transaction: the source as it was at one instant, the target all or nothing."""
        refuse_rows()
        with transaction.atomic(using=SOURCE), connections[TARGET].cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            for model in MADE_BY_MIGRATE:
                model._base_manager.using(TARGET)._raw_delete(TARGET)
            wanted = {model: self.copy_table(model) for model in models()}
            try:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            except IntegrityError as error:
                raise CommandError(f"A row points to one that is not there; nothing was copied.\n{error}") from error
            for statement in connections[TARGET].ops.sequence_reset_sql(no_style(), models()):
                cursor.execute(statement)
        return wanted

    def copy_table(self, model: type[Model]) -> Sum:
        source, total = Table(model, SOURCE), Sum()

        def counted() -> Iterator[Row]:
            for row in source.read():
                total.add(source.canonical(row))
                if total.rows % TELL == 0:
                    self.stdout.write(f"  {source.name}: {total.rows:,} rows …")
                yield row

        try:
            Table(model, TARGET).write(counted())
        except DatabaseError as error:
            raise CommandError(
                f"PostgreSQL refuses a row of {source.name}; nothing was copied.\n{str(error).strip()}"
            ) from error
        return total

    def compare(self, wanted: dict[type[Model], Sum]) -> None:
        """Reads the target back, prints both sides, and raises for any difference."""
        width = max(len(model._meta.db_table) for model in wanted)
        self.stdout.write(f"{'table':<{width}} {'rows':>11}  checksum")
        differing = []
        for model, expected in wanted.items():
            name, found = model._meta.db_table, Table(model, TARGET).sum()
            self.stdout.write(
                f"{name:<{width}} {found.rows:>11,}  {found}  {'equal' if found == expected else 'DIFFERS'}"
            )
            if found != expected:
                self.stdout.write(f"{'  in SQLite':<{width}} {expected.rows:>11,}  {expected}")
                differing.append(name)
        if differing:
            raise CommandError(f"The two differ in {', '.join(differing)}.")

    def finish(self, wanted: dict[type[Model], Sum], *, copied: bool) -> None:
        rows = sum(each.rows for each in wanted.values())
        self.stdout.write(f"{rows:,} rows in {len(wanted)} tables are the same on both sides.")
        if copied:
            with connections[TARGET].cursor() as cursor:
                cursor.execute("ANALYZE")  # otherwise the first pages would be planned as if all were empty
            self.stdout.write("Keep SECRET_KEY and SECRETS_KEYS as they were. The SQLite file was not changed.")


def open_source(url: str) -> None:
    """A second connection, which cannot write."""
    try:
        parts = address("--from", url)
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    path = Path(unquote(parts.path[1:]))
    if parts.scheme != "sqlite" or parts.netloc or not path.is_file():
        raise CommandError("--from must name the SQLite file that is there: sqlite:////absolute/path.")
    place = f"file:{quote(str(path.resolve()))}?mode=ro"
    named = {TARGET: {}, SOURCE: {"ENGINE": "django.db.backends.sqlite3", "NAME": place, "OPTIONS": {"timeout": 20}}}
    connections.settings[SOURCE] = connections.configure_settings(named)[SOURCE]


def refuse_other_versions() -> None:
    """The same migrations here, there, and in the code."""
    known = set(MigrationLoader(None).disk_migrations)
    for alias, name in ((SOURCE, "The SQLite file"), (TARGET, "PostgreSQL")):
        try:
            applied = set(MigrationRecorder(connections[alias]).applied_migrations())
        except DatabaseError as error:
            raise CommandError(f"{name} cannot be read: {error}") from error
        if odd := sorted(".".join(key) for key in applied ^ known):
            named = ", ".join(odd[:5])
            raise CommandError(f"{name} is not at this code's version ({named}): run `python manage.py migrate` on it.")


def refuse_work_under_way() -> None:
    seen = Heartbeat.objects.using(SOURCE).order_by("-at").values_list("at", flat=True).first()
    age = datetime.now(UTC) - seen if seen else HEARTBEAT_FRESH
    if age < HEARTBEAT_FRESH:
        raise CommandError(
            f"A worker wrote to the SQLite file {age.total_seconds():.0f} s ago. Stop web, worker and beat; ask again"
            f" {HEARTBEAT_FRESH.total_seconds():.0f} s later."
        )
    running = Operation.objects.using(SOURCE).filter(state=Operation.State.RUNNING).count()
    if running and not Brake.objects.using(SOURCE).exists():
        raise CommandError(
            f"{running} operations are under way. Either let them end before you stop the worker, or press"
            " *Pause everything* first, so that nothing goes on before you have looked at the new place."
        )


def refuse_rows() -> None:
    ours = [Table(model, TARGET) for model in models() if model not in MADE_BY_MIGRATE]
    if filled := [table.name for table in ours if not table.is_empty()]:
        raise CommandError(f"PostgreSQL is not empty: {', '.join(filled[:5])}. Make the database anew, and migrate it.")


def version() -> int:
    """SQLite's own count of what others have written."""
    with connections[SOURCE].cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        return int(cursor.fetchone()[0])
