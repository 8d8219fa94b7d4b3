"""Tokens made of marks: what went in comes out, and what is no token is nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypervisors.contract import MachineFacts, Power
from hypervisors.marks import changed, mark, pack, unpack

refs = st.text("abcdefABCDEF0123456789:-/", min_size=1, max_size=60)
marks_ = st.dictionaries(refs, st.from_regex(r"[0-9a-f]{16}", fullmatch=True), max_size=50)


@given(marks_)
def test_token_brings_its_marks_back(marks: dict[str, str]) -> None:
    assert unpack(pack(marks)) == marks


@given(marks_)
def test_token_is_plain_text(marks: dict[str, str]) -> None:
    assert pack(marks).isascii() and pack(marks).isprintable()


def test_token_does_not_depend_on_the_order_of_machines() -> None:
    assert pack({"a": "1", "b": "2"}) == pack({"b": "2", "a": "1"})


@given(st.text(max_size=200))
def test_any_other_text_is_no_token(text: str) -> None:
    assert unpack(text) is None
    assert unpack(f"m1:{text}") is None


@pytest.mark.parametrize("cut", [0, 3, 4, 20, -1])
def test_part_of_a_token_is_none(cut: int) -> None:
    assert unpack(pack({f"vm-{number}": mark(number) for number in range(100)})[:cut]) is None


def test_mark_differs_when_the_facts_do() -> None:
    facts = [MachineFacts("vm-1", None, name, Power.ON, vcpus, 4096) for name in ("a", "b") for vcpus in (1, 2)]

    assert len({mark(fact) for fact in facts}) == 4
    assert mark(facts[0]) == mark(MachineFacts("vm-1", None, "a", Power.ON, 1, 4096))


def test_changed_tells_what_is_new_other_and_gone() -> None:
    before, now = {"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"}

    assert changed(before, now) == (["b", "d"], ["c"])


def test_changed_since_nothing_is_everything() -> None:
    assert changed(None, {"a": "1"}) == (["a"], [])


@given(marks_)
def test_nothing_changed_is_nothing(marks: dict[str, str]) -> None:
    assert changed(unpack(pack(marks)), marks) == ([], [])
