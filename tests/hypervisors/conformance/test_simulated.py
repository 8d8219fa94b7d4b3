"""The simulated data centre keeps its promises."""

from __future__ import annotations

from hypervisors.conformance import Bench, Promise

KIND = "simulated"


def test_the_simulated_data_centre_keeps_its_promise(promise: Promise, bench: Bench) -> None:
    promise.check(bench)
