"""Every error that the contract paper names has a kind and a sentence of its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hypervisors import errors
from hypervisors.contract import Power
from hypervisors.xen import mapping, sentences
from tests.rigs import xapi

GOLDEN = Path(xapi.__file__).parent / "golden.json"


def recorded() -> list[list[str]]:
    """Refusals of the real daemon."""
    exchanges = json.loads(GOLDEN.read_text()).values()
    answers = [one.get("response") for one in exchanges]
    return [
        answer["ErrorDescription"] for answer in answers if isinstance(answer, dict) and "ErrorDescription" in answer
    ]


@pytest.mark.parametrize("details", recorded(), ids=lambda details: details[0])
def test_refusals_of_the_real_daemon_have_a_sentence(details: list[str]) -> None:
    fault = mapping.fault(details)

    assert fault.message.endswith(".")
    assert fault.native.startswith(details[0])
    assert details[0] not in fault.message


@pytest.mark.parametrize(
    ("details", "kind", "sentence"),
    [
        (["VM_BAD_POWER_STATE", "OpaqueRef:1", "halted", "running"], errors.WrongState,
         "The machine is running; this needs one that is halted."),
        (["HOST_NOT_ENOUGH_FREE_MEMORY", "4294967296", "1073741824"], errors.NoCapacity,
         "The host has 1024 MiB of memory left, and the machine needs 4096 MiB."),
        (["HOST_NOT_ENOUGH_FREE_MEMORY", "<b>", "x"], errors.NoCapacity, "The pool has no room for this."),
        (["SR_BACKEND_FAILURE_44", "", "There is insufficient space", ""], errors.NoCapacity,
         "The storage has no room for this."),
        (["SR_BACKEND_FAILURE_200", "", "General backend error", ""], errors.HypervisorError,
         "The pool reports a fault."),
        (["SOMETHING_NEW", "1"], errors.HypervisorError, "The pool reports a fault."),
        (["HANDLE_INVALID", "VM", "OpaqueRef:1"], errors.NotFound, "The pool does not have this any more."),
        ([], errors.HypervisorError, "The pool reports a fault."),
    ],
)  # fmt: skip
def test_code_becomes_ours(details: list[str], kind: type[errors.HypervisorError], sentence: str) -> None:
    fault = mapping.fault(details)

    assert type(fault) is kind
    assert fault.message == sentence


def test_unknown_code_is_kept_for_operators() -> None:
    assert mapping.fault(["SOMETHING_NEW", "a", "b"]).native == "SOMETHING_NEW a b"
    assert mapping.code(mapping.fault(["SOMETHING_NEW", "a"])) == "SOMETHING_NEW"


def test_sentences_belong_to_known_codes() -> None:
    assert set(sentences.CODES) <= {*mapping.FAULTS, "INTERNAL_ERROR"}
    assert all(sentence.endswith(".") for sentence in (*sentences.CODES.values(), *sentences.KINDS.values()))


def test_what_may_be_tried_again_is_no_decision_of_somebody() -> None:
    """What people blocked, or a role forbids, stays so however often one asks."""
    for code in ("OPERATION_BLOCKED", "RBAC_PERMISSION_DENIED", "SESSION_AUTHENTICATION_FAILED", "VM_IS_PROTECTED"):
        assert not mapping.fault([code]).retryable


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("20261120T05:09:27Z", datetime(2026, 11, 20, 5, 9, 27, tzinfo=UTC)),
        ("19700101T00:00:00Z", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times_are_read(text: str, moment: datetime | None) -> None:
    assert mapping.when(text) == moment


@pytest.mark.parametrize(("text", "mib"), [("0", 0), ("1", 1), ("1048576", 1), ("1048577", 2), ("-1", 0), ("x", 0)])
def test_bytes_are_rounded_up_to_mib(text: str, mib: int) -> None:
    assert mapping.mib(text) == mib


def test_powers_are_known() -> None:
    assert set(mapping.POWER) == {"Halted", "Paused", "Running", "Suspended"}
    assert Power.UNKNOWN not in mapping.POWER.values()
