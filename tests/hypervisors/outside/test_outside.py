"""An adapter that somebody else wrote: Leasehold finds it by its entry point, and it keeps its promises."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from hypervisors import registry
from hypervisors.conformance import PROMISES, Promise, gaps
from hypervisors.contract import Target
from hypervisors.errors import InvalidRequest, Unsupported
from tests.hypervisors.outside.bench import ShelfBench
from tests.hypervisors.outside.leasehold_shelf import Shelved

SOURCE = Path(__file__).with_name("leasehold_shelf.py")
DOCS = Path(__file__).parents[3] / "docs" / "hypervisors.md"
NAME = "leasehold_shelf"

GAPS = gaps(Shelved.capabilities, ShelfBench.gaps)
LEFT_OUT = {*GAPS, *ShelfBench.unproven}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """What pip leaves behind: a module, and beside it what the distribution says of itself."""
    (tmp_path / f"{NAME}.py").write_text(SOURCE.read_text())
    about = tmp_path / f"{NAME}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: leasehold-shelf\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[leasehold.hypervisors]\nshelf = {NAME}:Shelved\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield import_module(NAME)
    del sys.modules[NAME]


@pytest.fixture
def bench(installed: ModuleType) -> Iterator[ShelfBench]:
    made = ShelfBench(installed)
    yield made
    made.close()


@pytest.mark.parametrize("promise", [PROMISES[number] for number in sorted({*PROMISES} - LEFT_OUT)], ids=str)
def test_installed_adapter_keeps_its_promise(promise: Promise, bench: ShelfBench) -> None:
    promise.check(bench)


def test_installed_adapter_keeps_so_many_promises() -> None:
    assert (len(PROMISES) - len(LEFT_OUT), len(GAPS), len(ShelfBench.unproven)) == (97, 130, 1)


def test_installed_adapter_is_a_kind_like_any_other(installed: ModuleType) -> None:
    assert "shelf" in registry.kinds()
    assert registry.adapter_class("shelf") is installed.Shelved


def test_installed_adapter_checks_its_targets(installed: ModuleType) -> None:
    with pytest.raises(InvalidRequest):
        registry.connect(Target("shelf", address="not a host"))


def test_adapter_that_is_not_installed_is_no_kind() -> None:
    assert "shelf" not in registry.kinds()
    with pytest.raises(Unsupported):
        registry.adapter_class("shelf")


def test_docs_show_this_very_adapter() -> None:
    assert f"```python\n{SOURCE.read_text()}```\n" in DOCS.read_text()
