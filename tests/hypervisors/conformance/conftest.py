"""Each module here names its `KIND`; its test is asked of every promise that the adapter gives."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from hypervisors.conformance import Bench
from tests.hypervisors.conformance import external, table
from tests.hypervisors.conformance.tally import PROPERTY


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "promise" in metafunc.fixturenames:
        metafunc.parametrize("promise", table.to_show(metafunc.module.KIND), ids=str)


@pytest.fixture
def bench(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Iterator[Bench]:
    kind = request.module.KIND
    record_property(PROPERTY, kind)
    made, outside = table.bench_class(kind), external.target(kind, os.environ)
    bench = made.of(outside) if outside else made(request.getfixturevalue(table.TABLE[kind].rig))
    yield bench
    bench.close()
