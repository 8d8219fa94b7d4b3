"""DATABASE_URL: what becomes of it, what is refused, and that a refusal never shows the password."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal.databases import LIMITS, TOLD, database

PASSWORD = "hunter2"


def parsed(url: str) -> dict[str, Any]:
    return database(url, folder=Path("data"))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///", "data/leasehold.sqlite3"),
        ("sqlite:///var/x.sqlite3", "var/x.sqlite3"),
        ("sqlite:////srv/a%20b", "/srv/a b"),
    ],
)
def test_sqlite_takes_its_write_lock_at_once(url: str, name: str) -> None:
    settings = parsed(url)

    assert settings["NAME"] == name
    assert settings["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_postgresql_is_told_when_to_give_up() -> None:
    settings = parsed("postgresql://ada:p%40ss%2Fword@db.example.org:5433/lease%20hold")

    options = settings.pop("OPTIONS")
    assert settings == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "lease hold",
        "USER": "ada",
        "PASSWORD": "p@ss/word",
        "HOST": "db.example.org",
        "PORT": "5433",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
    assert options.pop("options") == (
        "-c statement_timeout=120000 -c lock_timeout=20000 -c idle_in_transaction_session_timeout=60000"
    )
    assert options == TOLD


def test_several_hosts_and_tls_are_handed_on(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    settings = parsed(
        "postgresql://ada@one:5432,[::1]:5433/leasehold?target_session_attrs=read-write&connect_timeout=2"
        f"&sslmode=verify-full&sslrootcert={tmp_path}%2Fca.pem"
    )

    assert (settings["HOST"], settings["PORT"]) == ("one,::1", "5432,5433")
    assert settings["OPTIONS"]["target_session_attrs"] == "read-write"
    assert settings["OPTIONS"]["connect_timeout"] == "2"
    assert settings["OPTIONS"]["sslmode"] == "verify-full"
    assert settings["OPTIONS"]["sslrootcert"] == f"{tmp_path}/ca.pem"


def test_a_limit_of_nothing_is_left_to_the_server() -> None:
    query = "&".join(f"{name}=0" for name in LIMITS)

    assert "options" not in parsed(f"postgresql://ada@db/leasehold?{query}")["OPTIONS"]


def test_a_folder_of_sockets_may_be_the_host() -> None:
    settings = parsed("postgresql://ada@/leasehold?host=/run/postgresql")

    assert (settings["HOST"], settings["PORT"]) == ("/run/postgresql", "")
    assert "host" not in settings["OPTIONS"]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://ada:hunter2@db/leasehold", "must start with sqlite:// or postgresql://; it starts with 'mysql'"),
        ("sqlite://hunter2/x", "sqlite:///relative/path"),
        ("postgresql://ada:hunter2@db", "must be postgresql://"),
        ("postgresql://ada:hunter2@db/", "must be postgresql://"),
        ("postgresql://ada:hunter2@db/leasehold#1", "must be postgresql://"),
        ("postgresql://ada:hunter2/@db/leasehold", "percent-encoded"),
        ("postgresql://ada:1?hunter2=x@db/leasehold", "must be postgresql://"),
        ("postgresql://ada:hunter2@db:x/leasehold", "percent-encoded"),
        ("postgresql://ada:hunter2@db/leasehold?sslmod=require", "'sslmod' is no option here"),
        ("postgresql://ada:hunter2@db/leasehold?options=-c%20x", "'options' is no option here"),
        ("postgresql://ada:hunter2@db/leasehold?sslmode=verify", "sslmode is one of .*; it is 'verify'"),
        ("postgresql://ada:hunter2@db/leasehold?target_session_attrs=rw", "target_session_attrs is one of"),
        ("postgresql://ada:hunter2@db/leasehold?connect_timeout=soon", "connect_timeout is a whole number"),
        ("postgresql://ada:hunter2@db/leasehold?lock_timeout=5s", "lock_timeout is a whole number"),
        ("postgresql://ada:hunter2@db/leasehold?sslmode", "written name=value"),
        ("postgresql://ada:hunter2@db/leasehold?sslmode=require&sslmode=disable", "twice"),
        ("postgresql://ada:hunter2@db/leasehold?sslrootcert=/nowhere/ca.pem", "sslrootcert names /nowhere/ca.pem"),
    ],
)
def test_what_cannot_be_meant_is_refused_without_the_password(url: str, sentence: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=sentence) as refused:
        parsed(url)

    assert "DATABASE_URL" in str(refused.value)
    assert PASSWORD not in str(refused.value)
    assert refused.value.__cause__ is None or PASSWORD not in str(refused.value.__cause__)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
