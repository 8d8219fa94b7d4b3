"""When the demo refuses to start, and what it keeps for itself."""

import socket
from pathlib import Path

import pytest

from portal.demo import prepare, refusal


@pytest.fixture
def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_a_free_port_and_no_settings_are_fine(free_port: str) -> None:
    assert refusal({"PORT": free_port}) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEASEHOLD_MODE", "production"),
        ("LEASEHOLD_MODE", "test"),
        ("DATABASE_URL", "postgresql://somewhere/real"),
        ("DATABASE_URL_FILE", "/run/secrets/database"),
        ("BROKER_URL", "redis://somewhere"),
    ],
)
def test_settings_of_a_real_installation_are_refused(free_port: str, name: str, value: str) -> None:
    sentence = refusal({"PORT": free_port, name: value})

    assert sentence is not None
    assert name in sentence


@pytest.mark.parametrize("port", ["0", "65536", "eighty", "-1"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    assert refusal({"PORT": port}) == f"PORT must be a number from 1 to 65535; it is {port!r}."


def test_a_taken_port_is_refused_with_a_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert refusal({"PORT": str(port)}) == f"Port {port} is taken. Choose another one: make demo PORT={port + 1}"


def test_keys_and_password_are_made_once_and_are_private(tmp_path: Path) -> None:
    environ = {"PORT": "8123"}
    prepare(environ, tmp_path / "demo")
    first = {path.name: path.read_text() for path in (tmp_path / "demo").iterdir()}

    prepare(environ, tmp_path / "demo")

    assert sorted(first) == ["password", "secret-key", "secrets-keys"]
    assert {path.name: path.read_text() for path in (tmp_path / "demo").iterdir()} == first
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "demo").iterdir()} == {0o600}


def test_two_installations_share_no_secret(tmp_path: Path) -> None:
    prepare({}, tmp_path / "one")
    prepare({}, tmp_path / "other")

    for path in (tmp_path / "one").iterdir():
        assert path.read_text() != (tmp_path / "other" / path.name).read_text()
