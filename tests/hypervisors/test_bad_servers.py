"""Servers that misbehave: the right error within the time-out, no secret in any word, and the next call works again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from hypervisors import registry
from hypervisors.contract import Hypervisor, Target
from hypervisors.errors import AccessDenied, HypervisorError, Unreachable
from tests.hypervisors.stages import STAGES, Stage
from tests.rigs.libvirt import certificates
from tests.rigs.libvirt.fixtures import libvirt_rig, tls_rig
from tests.rigs.relay import CUT, GARBAGE, LOSE_ANSWER, LOSE_REQUEST, SILENT, Call, Fate, Relay
from tests.rigs.vcenter.fixtures import vcenter_rig
from tests.rigs.xapi.fixtures import xapi_rig

__all__ = ["libvirt_rig", "tls_rig", "vcenter_rig", "xapi_rig"]

pytestmark = pytest.mark.rig

PATIENCE = 2.0
"""The time-out of these connections; nothing may take much longer."""
WIRED = [kind for kind in STAGES if kind != "simulated"]
UNTRUSTED: dict[str, Callable[[certificates.Identity, certificates.Identity], certificates.Identity]] = {
    "unknown authority": lambda _ours, theirs: certificates.issued("server", theirs),
    "expired certificate": lambda ours, _theirs: certificates.issued("server", ours, expired=True),
    "another server": lambda ours, _theirs: certificates.issued("server", ours, address="127.0.0.9"),
}


@dataclass
class Site:
    stage: Stage
    target: Target
    stack: ExitStack

    @property
    def wire(self) -> Any:
        return self.stage.wire

    def connect(self, **changes: Any) -> Hypervisor:
        return self.stack.enter_context(closing(registry.connect(replace(self.target, **changes))))


@pytest.fixture(params=WIRED)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with STAGES[request.param](request) as stage, ExitStack() as stack:
        yield Site(stage, replace(stage.target, timeout=PATIENCE, read_only=True), stack)
        stage.wire.forget()


@pytest.fixture
def words(caplog: pytest.LogCaptureFixture, site: Site) -> Iterator[Callable[[BaseException], None]]:
    """Takes down every error; in the end no word of them, and nothing that was logged, holds a secret."""
    caplog.set_level(logging.DEBUG)
    said: list[str] = []

    def listen(error: BaseException | None) -> None:
        while error is not None:
            said.extend([str(error), repr(error), str(getattr(error, "native", ""))])
            error = error.__cause__ or error.__context__

    yield listen
    if secret := site.target.secret:
        assert not any(secret in text for text in [*said, caplog.text, repr(site.target)])


def refused(
    words: Callable[[BaseException], None], call: Callable[[], object], *kinds: type[HypervisorError]
) -> HypervisorError:
    """The error, in time."""
    began = time.monotonic()
    with pytest.raises(kinds) as caught:
        call()
    assert time.monotonic() - began < PATIENCE + 3
    assert caught.value.message.strip()
    words(caught.value)
    return caught.value


def test_nobody_listens(site: Site, words: Any) -> None:
    hypervisor = site.connect()
    site.wire.refuse()
    assert refused(words, hypervisor.check, Unreachable).retryable
    site.wire.answer()
    assert hypervisor.check()


def test_a_connection_that_was_good_is_refused_later(site: Site, words: Any) -> None:
    hypervisor = site.connect()
    hypervisor.check()
    site.wire.refuse()
    refused(words, hypervisor.inventory, Unreachable)
    site.wire.answer()
    assert hypervisor.inventory().complete


FATES = {
    "black hole": Fate(SILENT),
    "late": Fate(seconds=PATIENCE + 1.5),
    "request lost": Fate(LOSE_REQUEST),
    "answer lost": Fate(LOSE_ANSWER),
    "answer cut": Fate(CUT),
    "garbage": Fate(GARBAGE),
}


@pytest.mark.parametrize("first", [True, False], ids=["at the first word", "in the middle"])
@pytest.mark.parametrize("fate", FATES.values(), ids=list(FATES))
def test_a_server_that_answers_badly(fate: Fate, first: bool, site: Site, words: Any) -> None:
    """Whatever it was, the next call works. Only a lost answer may be asked again unnoticed."""
    hypervisor = site.connect()
    if not first:
        hypervisor.check()
    site.wire.forget()
    site.wire.treat = lambda _call: fate
    refused(words, hypervisor.inventory, Unreachable)
    site.wire.forget()
    assert hypervisor.inventory().complete


@pytest.mark.parametrize("untrusted", UNTRUSTED)
def test_a_server_that_cannot_prove_who_it_is(untrusted: str, site: Site, words: Any) -> None:
    """It hears no word of ours, and no password."""
    ours, theirs = certificates.authority(), certificates.authority("stranger")
    shown = UNTRUSTED[untrusted](ours, theirs)
    with Relay(("127.0.0.2", 1), tls=shown) as relay:
        away = {"address": "127.0.0.2", "port": relay.port, "ca_pem": ours.pem}
        if site.target.kind == "kvm":
            client = certificates.issued("portal", ours)
            away |= {"transport": "tls", "path": "", "secret": client.pem + client.key_pem}
        hypervisor = site.connect(**away)
        assert not refused(words, hypervisor.check, AccessDenied).retryable
        assert relay.calls == []


def test_a_wrong_password(site: Site, words: Any) -> None:
    """A KVM host has none: a client is known by its certificate, and one of a stranger's is turned away."""
    if site.target.kind == "kvm":
        pytest.skip("tests/hypervisors/kvm/test_tls.py turns away a client without a certificate.")
    hypervisor = site.connect(secret="not-the-password-1")
    error = refused(words, hypervisor.check, AccessDenied)
    assert "not-the-password-1" not in f"{error!r} {error} {error.native}"


def test_a_session_that_ends_in_the_middle(site: Site) -> None:
    """Nobody above notices."""
    hypervisor = site.connect()
    assert hypervisor.inventory().complete
    site.stage.end_sessions()
    assert hypervisor.inventory().complete


def test_a_machine_that_vanishes_while_it_is_read(site: Site) -> None:
    """Between any two calls of a scan: it is left out, and the scan is whole all the same."""
    hypervisor = site.connect()
    assert hypervisor.inventory().complete
    site.wire.forget()
    hypervisor.inventory()
    for number in range(1, len(site.wire.calls) + 1):
        ref = site.stage.bench.make_by_hand(f"hand-vanishes-{number}")
        site.wire.forget()
        site.wire.treat = before(number, partial(site.stage.vanish, ref))
        scan = hypervisor.inventory()
        assert scan.complete, (number, scan.gaps)


def before(number: int, act: Callable[[], object]) -> Callable[[Call], Fate]:
    """Lets every request pass, and does something just before one of them."""

    def treat(call: Call) -> Fate:
        if call.number == number:
            act()
        return Fate()

    return treat
