"""How much each adapter promises, in literal numbers: one fewer is a decision, not an accident."""

from __future__ import annotations

import pytest

from hypervisors.conformance import PROMISES
from tests.hypervisors.conformance import external, table

COUNTS = {
    "simulated": (228, 0, 0),
    "vmware": (220, 0, 8),
    "xen": (226, 2, 0),
    "kvm": (221, 7, 0),
}
"""Kept, gaps, unproven."""

kinds = pytest.mark.parametrize("kind", table.TABLE)


@pytest.fixture(autouse=True)
def no_external_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for prefix, word in external.PREFIXES.values():
        monkeypatch.delenv(f"{prefix}_{word}", raising=False)


@kinds
def test_adapter_keeps_so_many_promises(kind: str) -> None:
    assert table.counts(kind) == COUNTS[kind]


@kinds
def test_what_is_not_shown_is_a_promise_and_has_a_reason(kind: str) -> None:
    bench = table.bench_class(kind)
    for declared in (bench.gaps, bench.unproven):
        assert set(declared) <= set(PROMISES)
        assert all(reason.endswith(".") for reason in declared.values())


def test_promises_have_a_sentence_each() -> None:
    assert all(promise.sentence.endswith(".") for promise in PROMISES.values())
