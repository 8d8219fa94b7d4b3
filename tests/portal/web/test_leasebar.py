"""Where the pieces of a lease bar lie, and what it says."""

import datetime as dt
from collections.abc import Iterator
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.utils import timezone

from portal.web import leasebar
from portal.web.leasebar import Axis, Segment

BERLIN = ZoneInfo("Europe/Berlin")


def day(month: int, number: int, year: int = 2026) -> dt.datetime:
    return dt.datetime(year, month, number, tzinfo=BERLIN)


TODAY = day(11, 20)
AXIS = Axis(day(11, 10), day(11, 30), width=400)
SEGMENTS = [
    Segment("active", day(7, 12), day(11, 13)),
    Segment("expiring", day(11, 13), day(11, 27)),
    Segment("archived", day(11, 27), day(1, 11, 2027), planned=True, gone=True),
]


@pytest.fixture(autouse=True)
def in_berlin() -> Iterator[None]:
    with timezone.override(BERLIN):
        yield


def test_cut_splits_the_running_stage_at_today() -> None:
    parts = leasebar.cut(SEGMENTS, TODAY)
    assert [(part.stage, part.planned) for part in parts] == [
        ("active", False),
        ("expiring", False),
        ("expiring", True),
        ("archived", True),
    ]


def test_cut_on_hold_ends_at_today() -> None:
    parts = leasebar.cut(SEGMENTS, TODAY, on_hold=True)
    assert parts[-1].end == TODAY


def test_cut_keeps_an_overdue_plan_outlined() -> None:
    late = Segment("quarantined", day(11, 10), day(11, 19), planned=True)
    assert leasebar.cut([late], TODAY) == [late]


def test_row_is_true_to_scale() -> None:
    bar = leasebar.row(SEGMENTS, AXIS, today=TODAY)
    assert [piece.x for piece in bar.pieces] == ["0.00%", "15.00%", "50.00%", "85.00%"]
    assert bar.today == "50.00%"


def test_row_leaves_out_what_lies_beside_the_axis() -> None:
    early = Segment("building", day(7, 1), day(7, 12))
    assert len(leasebar.row([early, *SEGMENTS], AXIS, today=TODAY).pieces) == 4


def test_row_dashes_what_is_no_longer_on_the_hypervisor() -> None:
    bar = leasebar.row(SEGMENTS, AXIS, today=TODAY)
    assert [("seg-gone" in piece.classes) for piece in bar.pieces] == [False, False, False, True]


def test_row_puts_a_label_below_where_it_would_run_over() -> None:
    short = [Segment("active", day(11, 11), day(11, 12))]
    assert not leasebar.row(short, AXIS, today=TODAY, label="27 Nov").label_below
    assert leasebar.row(SEGMENTS, AXIS, today=TODAY, label="27 Nov").label_below


def test_row_without_an_end_runs_off_the_axis() -> None:
    assert leasebar.row([Segment("active", day(7, 12), None)], AXIS, today=TODAY).open_end == "100.00%"


def test_row_of_nothing_is_empty() -> None:
    bar = leasebar.row([], AXIS, today=TODAY)
    assert (bar.pieces, bar.name) == ([], "No lease.")


def test_page_gives_each_stage_room_for_its_word() -> None:
    long = [
        Segment("active", day(1, 1, 2020), day(11, 13)),
        Segment("expiring", day(11, 13), day(11, 27)),
        Segment("quarantined", day(11, 27), day(11, 28), planned=True),
    ]
    marks = [float(mark.x[:-1]) for mark in leasebar.page(long, today=TODAY).marks] + [100.0]
    least = 100 * leasebar.LEAST / leasebar.PAGE_WIDTH
    assert all(right - left >= least - 0.01 for left, right in pairwise(marks))


def test_page_joins_both_halves_of_a_stage() -> None:
    halves = [Segment("active", day(11, 1), TODAY), Segment("active", TODAY, day(12, 1), planned=True)]
    bar = leasebar.page(halves, today=TODAY)
    assert [mark.word for mark in bar.marks] == ["Active"]
    assert len(bar.pieces) == 2


@pytest.mark.parametrize(("began", "moves"), [(TODAY - dt.timedelta(hours=30), True), (day(9, 1), False)])
def test_page_keeps_the_word_of_a_stage_clear_of_today(began: dt.datetime, moves: bool) -> None:
    bar = leasebar.page([Segment("expiring", began, day(12, 2))], today=TODAY)

    assert bar.marks[0].word_x == (bar.today if moves else bar.marks[0].x)
    assert bar.marks[0].solid is not moves


def test_page_on_hold_shows_nothing_after_today() -> None:
    bar = leasebar.page(SEGMENTS, today=TODAY, on_hold=True)
    assert [mark.title for mark in bar.marks] == ["Handed over", "Warnings from"]


def test_name_says_past_and_plan_in_a_sentence() -> None:
    assert leasebar.row(SEGMENTS, AXIS, today=TODAY).name == (
        "Handed over 12 July 2026, warnings from 13 November 2026. If nobody acts: exported 27 November 2026."
    )


def test_name_on_hold_promises_nothing() -> None:
    assert leasebar.row(SEGMENTS, AXIS, today=TODAY, on_hold=True).name.endswith("On hold: nothing is planned.")


def test_axis_around_runs_from_month_to_month() -> None:
    axis = leasebar.axis_around(TODAY, back=1, ahead=2)
    assert (axis.start, axis.end) == (day(10, 1), day(2, 1, 2027))


def test_axis_names_the_year_in_january() -> None:
    axis = leasebar.axis_around(TODAY, back=1, ahead=2)
    assert [(tick.word, tick.year) for tick in axis.months] == [("Oct", ""), ("Nov", ""), ("Dec", ""), ("Jan", "2027")]


def test_page_form_lists_its_dates_for_readers() -> None:
    source = "{% load leasehold %}{% lease_bar_page segments %}"
    html = Template(source).render(Context({"segments": SEGMENTS, "now": TODAY}))
    assert ">Friday 27 November 2026</time>" in html
    assert "style=" not in html
