"""Geometry and words of charts."""

import pytest
from django.template import Context, Template

from portal.web.charts import AreaChart, BarChart, Point, area, bars, scale

POINTS = [Point("1 November", 2600, short="1"), Point("2 November", 1300, planned=True, short="2")]
CHART = BarChart("November", "per day", POINTS, "€26 on the first day", say=lambda value: f"€{value / 100:.2f}")
AREA = AreaChart("Cost", "per day", [Point("a", 10), Point("b", 20), Point("c", 30, planned=True)], "It grows")


@pytest.mark.parametrize("top", [0.3, 1, 7, 26, 99, 2850, 1_000_000])
def test_scale_reaches_over_the_top_in_three_to_five_lines(top: float) -> None:
    values = scale(top)
    assert values[0] == 0
    assert values[-1] >= top
    assert 3 <= len(values) <= 5


def test_scale_of_nothing_still_stands() -> None:
    assert scale(0) == [0, 1]


def test_bars_stand_on_zero() -> None:
    for shape in bars(CHART).shapes:
        assert float(shape.y) + float(shape.height) == pytest.approx(CHART.height)


def test_bars_tell_past_from_future() -> None:
    assert [shape.planned for shape in bars(CHART).shapes] == [False, True]


def test_bars_of_a_month_are_named_every_tenth_day() -> None:
    month = BarChart("Month", "", [Point(str(number), 1) for number in range(1, 31)], "")
    assert [word.word for word in bars(month).words] == ["1", "10", "20", "30"]


def test_bars_of_no_days_are_empty() -> None:
    assert bars(BarChart("Empty", "", [], "Nothing yet")).shapes == []


def test_area_goes_on_dashed_from_its_last_known_point() -> None:
    drawn = area(AREA)
    assert drawn.line.split("L")[-1] == drawn.planned_line[1:].split("L", maxsplit=1)[0]


def test_area_of_no_points_is_empty() -> None:
    assert area(AreaChart("Empty", "", [], "Nothing yet")).line == ""


@pytest.mark.parametrize(("tag", "chart"), [("bar_chart", CHART), ("area_chart", AREA)])
def test_chart_has_a_name_and_a_table_with_the_same_numbers(tag: str, chart: BarChart) -> None:
    html = Template(f"{{% load leasehold %}}{{% {tag} chart %}}").render(Context({"chart": chart}))
    assert f'aria-label="{chart.finding}"' in html
    assert all(chart.say(point.value) in html for point in chart.points)
    assert "style=" not in html
