"""Answers in several parts, sessions that end and are given back."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from hypervisors.errors import Unreachable
from hypervisors.vmware.adapter import Vmware
from hypervisors.vmware.rows import pages
from tests.hypervisors.vmware.bench import VcenterBench
from tests.rigs.relay import LOSE_ANSWER, Call, Fate, on
from tests.rigs.vcenter import VcenterRig
from tests.rigs.vcenter.fixtures import available


def part(*objects: str, token: str | None = None) -> SimpleNamespace:
    return SimpleNamespace(objects=list(objects), token=token)


REST = {"second": part("c", token="third"), "third": part("d", "e")}


def test_answer_in_several_parts_is_read_to_its_end() -> None:
    assert list(pages(part("a", "b", token="second"), REST.__getitem__)) == ["a", "b", "c", "d", "e"]


def test_answer_in_one_part_asks_for_no_other() -> None:
    assert list(pages(part("a", "b"), REST.__getitem__)) == ["a", "b"]


def test_empty_part_in_the_middle_is_not_the_end() -> None:
    rest = {"second": part(token="third"), "third": part("d")}

    assert list(pages(part("a", token="second"), rest.__getitem__)) == ["a", "d"]


def test_answer_of_nothing_has_no_objects() -> None:
    """Some servers answer a question without results by nothing at all."""
    assert list(pages(None, REST.__getitem__)) == []


def sessions(bench: VcenterBench) -> set[str]:
    told = bench.console.told(bench.console.content.sessionManager, "sessionList")
    return {one.key for one in told["sessionList"]}


@pytest.mark.rig
def test_session_is_kept_over_calls_and_given_back(bench: VcenterBench, vmware: Vmware) -> None:
    before = sessions(bench)
    vmware.check()
    vmware.inventory()

    assert len(sessions(bench) - before) == 1
    vmware.close()
    assert sessions(bench) == before


@pytest.mark.rig
def test_session_that_ended_is_renewed_unnoticed(bench: VcenterBench, vmware: Vmware) -> None:
    before = sessions(bench)
    vmware.check()
    bench.console.content.sessionManager.TerminateSession(list(sessions(bench) - before))

    assert vmware.inventory().complete
    assert bench.relay.calls.count("Login") == 2


@pytest.mark.rig
def test_session_that_ends_again_and_again_is_no_endless_loop(bench: VcenterBench, vmware: Vmware) -> None:
    others = sessions(bench)

    def end_it(call: Call) -> Fate:
        if call.name == "CreateContainerView":
            bench.console.content.sessionManager.TerminateSession(list(sessions(bench) - others))
        return Fate()

    bench.relay.treat = end_it

    with pytest.raises(Unreachable, match="session ended"):
        vmware.inventory()

    assert bench.relay.calls.count("Login") == 2


@pytest.mark.rig
def test_lost_answer_is_not_asked_for_again_unnoticed(bench: VcenterBench, vmware: Vmware) -> None:
    """Nobody knows whether the server has done it: that is for the caller to find out."""
    vmware.check()
    bench.relay.forget()
    bench.relay.treat = on("RetrievePropertiesEx", Fate(LOSE_ANSWER))

    with pytest.raises(Unreachable):
        vmware.inventory()

    assert bench.relay.calls.count("RetrievePropertiesEx") == 1


@pytest.mark.rig
def test_server_that_is_slow_is_given_up_in_time() -> None:
    available()
    with VcenterRig(machines=0, method_delay={"RetrievePropertiesEx": 3000}) as rig:
        vmware, began = Vmware(rig.target(timeout=1)), time.monotonic()

        with pytest.raises(Unreachable, match="No answer within 1 seconds"):
            vmware.check()

        assert time.monotonic() - began < 2
        vmware.close()


@pytest.mark.rig
def test_password_is_in_no_words(bench: VcenterBench) -> None:
    vmware = Vmware(replace(bench.target, secret="wrong-password-1"))
    with pytest.raises(Exception, match="password is wrong") as caught:
        vmware.check()

    said = [repr(caught.value), str(caught.value.__cause__), repr(vmware.__dict__), repr(vars(vmware._client))]
    assert not any("wrong-password-1" in text for text in said)
    vmware.close()
