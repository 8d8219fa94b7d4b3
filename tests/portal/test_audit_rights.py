"""The command that gives a role all that the portal needs, and not the right to change the record."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction

from lifecycle.audit.actions import record
from lifecycle.models import Entry, User
from tests.lifecycle.factories import make_user

pytestmark = pytest.mark.django_db

on_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite knows no roles")


@pytest.fixture
def role() -> str:
    with connection.cursor() as cursor:
        cursor.execute('CREATE ROLE "audit test" NOLOGIN')
    return "audit test"


def test_sqlite_is_told_that_its_triggers_do_it() -> None:
    if connection.vendor == "postgresql":
        pytest.skip("on PostgreSQL there are roles")

    with pytest.raises(CommandError, match="triggers keep"):
        call_command("audit_rights", role="portal")


@on_postgresql
def test_it_prints_and_changes_nothing_unless_it_is_told(role: str) -> None:
    said = StringIO()
    call_command("audit_rights", role=role, stdout=said)

    assert 'REVOKE UPDATE, DELETE, TRUNCATE, TRIGGER ON "lifecycle_entry" FROM "audit test", PUBLIC;' in said.getvalue()
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege('audit test', 'lifecycle_user', 'SELECT')")
        assert cursor.fetchone() == (False,)


@on_postgresql
def test_the_role_works_and_adds_to_the_record_and_no_more(role: str) -> None:
    person = make_user("lena")
    call_command("audit_rights", role=role, apply=True, stdout=StringIO())
    with connection.cursor() as cursor:
        cursor.execute('SET LOCAL ROLE "audit test"')

    User.objects.update(first_name="Lena")
    record("person.changed", person, by=person)

    for change in ("UPDATE lifecycle_entry SET verb = 'x'", "DELETE FROM lifecycle_entry", "TRUNCATE lifecycle_entry"):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            connection.cursor().execute(change)
    with pytest.raises(ProgrammingError, match="must be owner"), transaction.atomic():
        connection.cursor().execute("DROP TRIGGER audit_rows_stay ON lifecycle_entry")
    assert Entry.objects.get().actor_name == "lena"


@on_postgresql
@pytest.mark.parametrize(("name", "words"), [("leasehold", "owns the record"), ("nobody", "no role")])
def test_a_role_that_rights_would_not_bind_is_refused(name: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("audit_rights", role=name)
