"""BROKER_URL and its companions: what becomes of them, what is refused, and that a refusal never shows the password."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal.brokers import broker


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the companions of BROKER_URL, all others being absent."""

    def tell(**values: str) -> None:
        for name in ("CA_FILE", "CERT_FILE", "KEY_FILE", "SENTINEL_MASTER", "SENTINEL_PASSWORD"):
            monkeypatch.delenv(f"BROKER_{name}", raising=False)
            monkeypatch.delenv(f"BROKER_{name}_FILE", raising=False)
        for name, value in values.items():
            monkeypatch.setenv(f"BROKER_{name}", value)

    tell()
    return tell


@pytest.fixture
def pem(tmp_path: Path) -> str:
    (tmp_path / "some.pem").touch()
    return str(tmp_path / "some.pem")


def test_the_folder_needs_nothing(told: Any) -> None:
    assert broker("filesystem://") == {"broker_url": "filesystem://"}


def test_redis_is_waited_for_half_a_second(told: Any) -> None:
    settings = broker("redis://:p%40ss@broker:6380/2")

    options = settings["broker_transport_options"]
    assert settings["broker_url"] == "redis://:p%40ss@broker:6380/2"
    assert settings["broker_use_ssl"] is None
    assert (options["socket_connect_timeout"], options["socket_timeout"], options["max_retries"]) == (0.5, 0.5, 0)
    assert options["visibility_timeout"] < 3600


def test_rediss_verifies_with_or_without_an_authority_of_its_own(told: Any, pem: str) -> None:
    usual = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    assert broker("rediss://broker")["broker_use_ssl"] == usual

    told(CA_FILE=pem, CERT_FILE=pem, KEY_FILE=pem)

    expected = {**usual, "ssl_ca_certs": pem, "ssl_certfile": pem, "ssl_keyfile": pem}
    assert broker("rediss://broker")["broker_use_ssl"] == expected


def test_what_stands_once_holds_for_every_sentinel(told: Any) -> None:
    told(SENTINEL_MASTER="leasehold", SENTINEL_PASSWORD="s%t")

    settings = broker("sentinel://:p%40ss@one:26379;sentinel://two;sentinel://[::1]:26380/3")

    asking = settings["broker_transport_options"]["sentinel_kwargs"]
    assert settings["broker_url"] == (
        "sentinel://:p%40ss@one:26379/3;sentinel://:p%40ss@two/3;sentinel://:p%40ss@[::1]:26380/3"
    )
    assert settings["broker_transport_options"]["master_name"] == "leasehold"
    assert (asking["password"], asking["socket_timeout"], asking["retry"].get_retries()) == ("s%t", 0.5, 0)
    assert "ssl" not in asking


def test_an_authority_makes_sentinels_and_master_speak_tls(told: Any, pem: str) -> None:
    told(SENTINEL_MASTER="leasehold", CA_FILE=pem)

    settings = broker("sentinel://one")

    assert settings["broker_use_ssl"]["ssl_ca_certs"] == pem
    asking = settings["broker_transport_options"]["sentinel_kwargs"]
    assert (asking["ssl"], asking["ssl_ca_certs"], asking["ssl_cert_reqs"]) == (True, pem, "required")


@pytest.mark.parametrize(
    ("url", "companions", "sentence"),
    [
        ("amqp://ada:hunter2@broker", {}, "it starts with 'amqp'"),
        ("memory://", {}, "it starts with 'memory'"),
        ("redis://:hunter2@broker/0?ssl_cert_reqs=none", {}, "takes no options"),
        ("redis://:hunter2@broker/zero", {}, "redis://:password@host:6379/0"),
        ("redis://:hunter2@/0", {}, "redis://:password@host:6379/0"),
        ("redis://:hunter2@one,two/0", {}, "redis://:password@host:6379/0"),
        ("redis://:hunter2/@broker/0", {}, "percent-encoded"),
        ("redis://:hunter2@broker:x/0", {}, "percent-encoded"),
        ("redis://:hunter2@broker", {"CA_FILE": "pem"}, "BROKER_CA_FILE: only rediss:// and sentinel:// speak TLS"),
        ("rediss://:hunter2@broker", {"CA_FILE": "/nowhere"}, "BROKER_CA_FILE names /nowhere, which cannot be read"),
        ("rediss://:hunter2@broker", {"CERT_FILE": "pem"}, "belong together"),
        ("rediss://:hunter2@broker", {"SENTINEL_MASTER": "m"}, "BROKER_SENTINEL_MASTER"),
        ("redis://:hunter2@broker", {"SENTINEL_PASSWORD": "hunter2"}, "BROKER_SENTINEL_MASTER"),
        ("sentinel://:hunter2@one", {}, "BROKER_SENTINEL_MASTER"),
        ("sentinel://:hunter2@one;redis://two", {"SENTINEL_MASTER": "m"}, "one master"),
        ("sentinel://:hunter2@one;sentinel://:hunter3@two", {"SENTINEL_MASTER": "m"}, "one master"),
        ("sentinel://one", {"SENTINEL_MASTER": "m", "CERT_FILE": "pem", "KEY_FILE": "pem"}, "BROKER_CA_FILE is what"),
    ],
)
def test_what_cannot_be_meant_is_refused_without_the_password(
    told: Any, pem: str, url: str, companions: dict[str, str], sentence: str
) -> None:
    told(**{name: pem if value == "pem" else value for name, value in companions.items()})

    with pytest.raises(ImproperlyConfigured, match=sentence) as refused:
        broker(url)

    assert "BROKER_" in str(refused.value)
    assert "hunter" not in str(refused.value)
