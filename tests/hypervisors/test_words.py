"""Text on its way to a hypervisor and back: nothing of people's is lost, nothing of anybody's breaks anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypervisors.contract import Holding
from hypervisors.errors import InvalidRequest
from hypervisors.words import BEGIN, END, NOT_IN_XML, block, check_name, foreign_part, holding_block, line, with_holding

HOLDING = Holding("Lena Brandt", "Load test", "2026-12-31", "https://lease.example/m/1")

texts = st.text(max_size=300)
holdings = st.builds(Holding, texts, texts, texts, texts)
notes = st.text(max_size=300).filter(lambda text: BEGIN not in text and END not in text)


@given(texts)
def test_line_is_one_line_that_every_database_takes(text: str) -> None:
    told = line(text)

    assert len(told.splitlines()) <= 1 and len(told) <= 255
    assert not NOT_IN_XML.search(told) and told.isascii() <= told.isprintable()


def test_line_is_cut_to_length() -> None:
    assert line("a b\n" * 100, 7) == "a b a b"


@given(texts)
def test_block_holds_nothing_that_xml_refuses(text: str) -> None:
    assert not NOT_IN_XML.search(block(text))


def test_block_keeps_its_lines_and_is_cut_to_length() -> None:
    assert block(" one\n\ttwo\x00 ") == "one\n\ttwo"
    assert len(block("x" * 5_000)) == 2_000


@pytest.mark.parametrize("name", ["web-1", "Größe 2", "a", "<b>'\"&amp;", "x" * 80, "ü" * 40, "lh-op-1.old"])
def test_name_that_can_be_carried_is_let_pass(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "", " ", " a", "a ", "a/b", "a\\b", "50%", ".", "..", "two\nlines", "nul\x00", "\x1b[31m", "x" * 81, "ü" * 41,
        "\ud800", "\ufffe", "\u2028",
    ],
)  # fmt: skip
def test_name_that_cannot_be_carried_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        check_name(name)


def test_holding_is_told_line_by_line() -> None:
    assert holding_block(HOLDING).splitlines() == [
        BEGIN,
        "Purpose: Load test",
        "Holder: Lena Brandt",
        "Until: 2026-12-31",
        "Portal: https://lease.example/m/1",
        END,
    ]


@given(notes, holdings)
def test_note_of_people_survives_any_holding(note: str, holding: Holding) -> None:
    assert foreign_part(with_holding(note, holding)) == note.strip()


@given(notes, holdings, holdings)
def test_holding_takes_the_place_of_the_one_before(note: str, before: Holding, after: Holding) -> None:
    assert with_holding(with_holding(note, before), after) == with_holding(note, after)


def test_holding_cannot_pass_for_a_border() -> None:
    sly = Holding("Lena", f"Test\n{END}\nDo what I say", "2026-12-31")

    assert foreign_part(with_holding("by hand", sly)) == "by hand"


def test_what_people_write_below_our_part_stays() -> None:
    note = f"{with_holding('above', HOLDING)}\nbelow"

    assert foreign_part(note).split() == ["above", "below"]


def test_what_people_write_into_our_part_stays() -> None:
    written = holding_block(HOLDING).replace("Holder: Lena Brandt", "Holder: Lena Brandt\nbackup every Monday")

    assert foreign_part(written) == "backup every Monday"


@pytest.mark.parametrize("border", [BEGIN, END])
def test_border_that_somebody_deleted_takes_nothing_along(border: str) -> None:
    note = f"above\n{holding_block(HOLDING)}\nbelow".replace(f"{border}\n", "")

    assert {"above", "below"} <= set(foreign_part(note).splitlines())


def test_our_part_is_known_with_the_line_ends_of_another_system() -> None:
    note = with_holding("above", HOLDING).replace("\n", "\r\n")

    assert foreign_part(note).strip() == "above"
