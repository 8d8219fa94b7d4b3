"""An installation moves from SQLite to PostgreSQL with all it has, or not at all."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from portal.demo import prepare
from tests.rigs.fixtures import postgres_url

__all__ = ["postgres_url"]

pytestmark = pytest.mark.rig

ROOT = Path(__file__).parents[2]

# The same instant on both sides: an open month grows by the second.
LINES = """
import time_machine
from lifecycle.models import Line
from lifecycle.money.actions import draft
with time_machine.travel("{instant}", tick=False):
    draft()
for row in Line.objects.order_by("machine", "month", "meter", "tenure", "rate").values_list(
    "machine", "month", "meter", "tenure", "rate", "seconds", "unit_seconds", "cents"
):
    print(*row)
"""
ORDER = """
import time
from lifecycle.models import Machine, Request
from lifecycle.requests.actions import approve
from lifecycle.tasks import work_operation
request = Request.objects.get(name="etl-replay")
approve(request, by=request.requester.supervisor)
while (operation := request.machine.operations.get()).is_open:
    work_operation(operation.pk)
    time.sleep(0.1)
print(Machine.objects.get(name="etl-replay").stage, operation.state)
"""
RUNNING = """
from django.utils import timezone
from lifecycle.models import Machine, Operation
machine, now = Machine.objects.first(), timezone.now()
Operation.objects.create(
    machine=machine, endpoint=machine.endpoint, kind="restart", purpose="holder", key="x", state="running",
    next_try_at=now, created_at=now, changed_at=now,
)
"""


@dataclass
class Installation:
    """A data folder with its keys, on whichever database."""

    folder: Path
    database: str = ""

    @property
    def file(self) -> Path:
        return self.folder / "leasehold.sqlite3"

    @property
    def env(self) -> dict[str, str]:
        names = ("DATABASE_URL", "BROKER_URL", "LEASEHOLD_MODE", "DATA_DIR")
        env = {name: value for name, value in os.environ.items() if name not in names} | {"PORT": "8000"}
        prepare(env, self.folder)
        return {**env, "DATABASE_URL": self.database} if self.database else env

    def manage(self, *words: str) -> str:
        done = self.attempt(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def attempt(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)

    def shell(self, source: str) -> str:
        return self.manage("shell", "--no-imports", "-v0", "-c", source)

    def copy(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.attempt("copy_database", "--from", f"sqlite:///{self.file}", *words)

    def sqlite(self, statement: str) -> list[Any]:
        with sqlite3.connect(self.file) as db:
            rows = db.execute(statement).fetchall()
        db.close()
        return rows

    def postgres(self, statement: str) -> Any:
        with psycopg.connect(self.database, autocommit=True) as db:
            cursor = db.execute(statement)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The example estate on SQLite."""
    installation = Installation(tmp_path_factory.mktemp("seeded"))
    installation.manage("migrate", "-v0")
    installation.manage("seed_demo", "--machines", "40")
    return installation


@pytest.fixture(scope="module")
def migrated(seeded: Installation, postgres_url: str) -> str:
    """A database with tables and no rows, for the others to be made after."""
    with psycopg.connect(postgres_url, autocommit=True) as db:
        db.execute("CREATE DATABASE migrated")
    Installation(seeded.folder, postgres_url.replace("/postgres?", "/migrated?")).manage("migrate", "-v0")
    return "migrated"


@pytest.fixture
def moving(seeded: Installation, migrated: str, postgres_url: str, tmp_path: Path) -> Iterator[Installation]:
    """A folder of its own, and a fresh database to go to."""
    shutil.copytree(seeded.folder, tmp_path / "data")
    with sqlite3.connect(tmp_path / "data" / "leasehold.sqlite3") as db:
        db.execute(
            "UPDATE lifecycle_endpoint SET path = replace(path, ?, ?)", (str(seeded.folder), str(tmp_path / "data"))
        )
    db.close()
    name = f"moved_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE {migrated}")
        yield Installation(tmp_path / "data", postgres_url.replace("/postgres?", f"/{name}?"))
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_everything_arrives_and_goes_on(moving: Installation) -> None:
    done = moving.copy()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DIFFERS" not in done.stdout
    assert "are the same on both sides" in done.stdout

    instant = (datetime.now(UTC) + timedelta(days=40)).isoformat()

    lines = Installation(moving.folder).shell(LINES.format(instant=instant))

    assert lines.count("\n") > 100
    assert moving.shell(LINES.format(instant=instant)) == lines
    assert moving.shell(ORDER) == "active succeeded\n"


def test_permissions_mean_what_they_meant(moving: Installation) -> None:
    moving.sqlite("UPDATE auth_permission SET id = id + 5000")
    moving.sqlite(
        "INSERT INTO lifecycle_user_user_permissions (user_id, permission_id) SELECT 1, max(id) FROM auth_permission"
    )
    named = "SELECT codename FROM auth_permission p JOIN lifecycle_user_user_permissions u ON u.permission_id = p.id"

    assert moving.copy().returncode == 0

    assert [row[0] for row in moving.postgres(named)] == [row[0] for row in moving.sqlite(named)]


def test_what_was_changed_afterwards_is_found(moving: Installation) -> None:
    assert moving.copy().returncode == 0
    assert "are the same" in moving.copy("--check").stdout

    moving.postgres("UPDATE lifecycle_span SET quantity = quantity + 1 WHERE id = (SELECT min(id) FROM lifecycle_span)")
    moving.postgres("DELETE FROM lifecycle_step WHERE id = (SELECT max(id) FROM lifecycle_step)")

    assert "The two differ in lifecycle_span, lifecycle_step." in refused(moving.copy("--check"))


def test_what_is_changed_on_the_way_is_found_and_nothing_stays(moving: Installation) -> None:
    moving.postgres(
        "CREATE FUNCTION bend() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.reason := 'x'; RETURN NEW; END $$"
    )
    moving.postgres("CREATE TRIGGER bend BEFORE INSERT ON lifecycle_entry FOR EACH ROW EXECUTE FUNCTION bend()")

    assert "The two differ in lifecycle_entry." in refused(moving.copy())

    assert moving.postgres("SELECT count(*) FROM lifecycle_machine") == [(0,)]
    moving.postgres("DROP TRIGGER bend ON lifecycle_entry")
    assert moving.copy().returncode == 0


def test_a_row_that_postgresql_refuses_is_named_and_nothing_stays(moving: Installation) -> None:
    moving.sqlite("UPDATE lifecycle_machine SET name = 'no' || char(0) || 'thing' WHERE id = 3")

    assert "refuses a row of lifecycle_machine" in refused(moving.copy())
    assert moving.postgres("SELECT count(*) FROM lifecycle_user") == [(0,)]


def test_a_row_that_points_nowhere_is_named_and_nothing_stays(moving: Installation) -> None:
    moving.sqlite("DELETE FROM lifecycle_pool")

    assert "A row points to one that is not there" in refused(moving.copy())
    assert moving.postgres("SELECT count(*) FROM lifecycle_user") == [(0,)]


def test_a_database_with_rows_is_refused(moving: Installation) -> None:
    assert moving.copy().returncode == 0

    assert "PostgreSQL is not empty: " in refused(moving.copy())


def test_other_versions_are_refused(moving: Installation) -> None:
    moving.sqlite("DELETE FROM django_migrations WHERE name LIKE '0002%' AND app = 'lifecycle'")

    assert "The SQLite file is not at this code's version (lifecycle.0002" in refused(moving.copy())


def test_a_worker_that_was_there_just_now_is_refused(moving: Installation) -> None:
    beat = "INSERT INTO lifecycle_heartbeat (name, at, ahead) VALUES ('sweep', datetime('now'), 0)"
    moving.sqlite(beat)

    assert "Stop web, worker and beat" in refused(moving.copy())


def test_work_under_way_is_refused_unless_paused(moving: Installation) -> None:
    Installation(moving.folder).shell(RUNNING)
    assert "1 operations are under way" in refused(moving.copy())

    moving.sqlite("INSERT INTO lifecycle_brake (id, since, reason) VALUES (1, datetime('now'), 'We move')")

    assert moving.copy().returncode == 0


@pytest.mark.parametrize("source", ["sqlite:////nowhere/x.sqlite3", "postgresql://ada:hunter2@db/x", "hunter2"])
def test_a_source_that_is_none_is_refused(moving: Installation, source: str) -> None:
    words = refused(moving.attempt("copy_database", "--from", source))

    assert "hunter2" not in words


def test_sqlite_is_no_place_to_go(moving: Installation) -> None:
    words = refused(Installation(moving.folder).copy())

    assert "DATABASE_URL must name the PostgreSQL" in words
