"""PostgreSQL reached as DATABASE_URL says: with limits on waiting, and by TLS only from the authority that is named."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler, OperationalError

from portal.databases import database
from tests.rigs import postgres
from tests.rigs.fixtures import postgres_programs, postgres_url

__all__ = ["postgres_url"]

pytestmark = pytest.mark.rig


@pytest.fixture(autouse=True)
def databases_of_our_own(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="module")
def secured_url() -> Iterator[str]:
    with postgres.server(postgres_programs(), tls=True) as url:
        yield url


@contextmanager
def connected(url: str) -> Iterator[BaseDatabaseWrapper]:
    connection = ConnectionHandler({"default": database(url, folder=Path())})["default"]
    try:
        connection.ensure_connection()
        yield connection
    finally:
        connection.close()


def asked(connection: BaseDatabaseWrapper, question: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(question)
        row = cursor.fetchone()
    return row[0] if row else None


def test_statements_locks_and_idle_transactions_have_limits(postgres_url: str) -> None:
    with connected(f"{postgres_url}&lock_timeout=1500") as connection:
        names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "application_name")
        shown = [asked(connection, f"SHOW {name}") for name in names]

    assert shown == ["2min", "1500ms", "1min", "leasehold"]


def test_a_statement_that_takes_too_long_ends(postgres_url: str) -> None:
    hurried = f"{postgres_url}&statement_timeout=100"

    with pytest.raises(OperationalError, match="statement timeout"), connected(hurried) as connection:
        asked(connection, "SELECT pg_sleep(10)")


def test_a_named_authority_is_believed(secured_url: str) -> None:
    with connected(secured_url) as connection:
        assert asked(connection, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") is True


def test_a_host_that_is_gone_is_passed_over(secured_url: str) -> None:
    two = secured_url.replace("@127.0.0.1:", "@127.0.0.1:1,127.0.0.1:") + "&target_session_attrs=read-write"

    with connected(two) as connection:
        assert asked(connection, "SELECT 1") == 1


@pytest.mark.parametrize(
    ("said", "instead", "sentence"),
    [
        ("ca.pem", "stranger.pem", "certificate verify failed"),
        ("@127.0.0.1:", "@localhost:", "does not match host name"),
        ("sslmode=verify-full", "sslmode=disable", "no encryption"),
        ("p%40ss", "pass", "password authentication failed"),
    ],
    ids=["other-authority", "other-name", "without-tls", "other-password"],
)
def test_anything_else_is_refused(secured_url: str, said: str, instead: str, sentence: str) -> None:
    assert said in secured_url

    with pytest.raises(OperationalError, match=sentence), connected(secured_url.replace(said, instead)):
        pass


def test_whoever_brings_no_certificate_is_refused(secured_url: str) -> None:
    without = secured_url.partition("&sslcert")[0]

    with pytest.raises(OperationalError, match="certificate"), connected(without):
        pass
