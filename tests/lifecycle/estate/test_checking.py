"""Whether an endpoint can be worked with: asked without changing anything, told without a secret."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from lifecycle.audit.models import Entry
from lifecycle.errors import Forbidden
from lifecycle.estate import checking
from lifecycle.estate.models import Endpoint
from tests.lifecycle.factories import make_endpoint
from tests.lifecycle.world import World
from tests.rigs.tls import write_certificates

SECRET = "hush-hush-of-the-endpoint"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """Shows its certificate to whoever comes, and says nothing else. Its port, and the folder of certificates."""
    folder = write_certificates(tmp_path / "tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _address = listener.accept()
            except OSError:
                return
            try:
                context.wrap_socket(plain, server_side=True).close()
            except OSError:
                plain.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1], folder
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def said(name: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = 0
    try:
        call_command("check_endpoint", name)
    except SystemExit as end:
        code = int(str(end.code))
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_the_command_says_what_stands_there_and_writes_nothing(world: World, capsys: Any) -> None:
    world.machine()
    Endpoint.objects.update(mode=Endpoint.Mode.OBSERVE)
    writes: list[str] = []

    def watch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        writes.extend([sql] if sql.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")) else [])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        code, words = said("Hamburg", capsys)

    assert code == 0
    assert "Hamburg: Simulated data centre, observe" in words
    assert "1 machines, 1 hosts, 1 datastores, 1 images" in words
    assert "progress        yes progress of copying in percent" in words
    assert "It can be worked with." in words
    assert writes == []


def test_what_does_not_answer_ends_with_one(world: World, capsys: Any) -> None:
    make_endpoint("Gone", path="no-such-file.dc.sqlite3", secret=SECRET)

    code, words = said("Gone", capsys)

    assert code == 1
    assert "answers         no" in words and "problem " in words and "cannot be worked with" in words
    assert SECRET not in words


def test_an_endpoint_that_is_not_there_is_an_error_that_names_those_that_are(world: World) -> None:
    with pytest.raises(CommandError, match="There are: Hamburg"):
        call_command("check_endpoint", "Bremen")


def test_an_incomplete_inventory_names_its_gaps_and_ends_with_one(world: World, capsys: Any) -> None:
    world.dc.add_fault("list_datastores", code="denied")

    code, words = said("Hamburg", capsys)

    assert code == 1
    assert "gap             The datastores could not be read" in words


def test_a_certificate_is_read_where_there_is_one(world: World, server: tuple[int, Path]) -> None:
    port, folder = server
    endpoint = make_endpoint(
        "Rack", kind="kvm", transport="tls", address="127.0.0.1", port=port, ca_pem=(folder / "ca.pem").read_text()
    )

    (shown,) = checking.look(endpoint, timeout=2).certificates

    assert shown.certificate is not None and shown.problem == ""
    assert shown.certificate.subject == "127.0.0.1"
    assert shown.days >= 0


@pytest.mark.parametrize(
    ("authority", "words"), [("stranger.pem", "cannot prove who it is"), ("server.key", "no certificate")]
)
def test_a_certificate_of_somebody_else_is_a_problem(
    world: World, server: tuple[int, Path], authority: str, words: str
) -> None:
    port, folder = server
    given = (folder / authority).read_text()
    endpoint = make_endpoint("Rack", kind="kvm", transport="tls", address="127.0.0.1", port=port, ca_pem=given)

    report = checking.look(endpoint, timeout=2)

    assert words in report.certificates[0].problem
    assert not report.ok


def test_each_host_of_a_group_shows_its_own(world: World, server: tuple[int, Path]) -> None:
    port, folder = server
    endpoint = make_endpoint(
        "Rack", kind="kvm", transport="tls", address="127.0.0.1, localhost", port=port,
        ca_pem=(folder / "ca.pem").read_text(),
    )  # fmt: skip

    here, other = checking.look(endpoint, timeout=2).certificates

    assert (here.host, bool(here.certificate)) == ("127.0.0.1", True)
    assert (other.host, bool(other.problem)) == ("localhost", True)


def test_only_administrators_have_it_checked_and_the_record_says_so(world: World) -> None:
    with pytest.raises(Forbidden):
        checking.check(world.endpoint, by=world.approver)

    for _twice in range(2):
        assert checking.check(world.endpoint, by=world.admin).ok

    verbs = Entry.objects.filter(object_type="endpoint").values_list("verb", "actor_name")
    assert list(verbs) == [("endpoint.checked", "ingrid")] * 2
