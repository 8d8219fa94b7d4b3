"""What the tags and filters of pages say."""

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.template import Context, Template
from django.utils import timezone

from portal.templatetags import figures, states

BERLIN = ZoneInfo("Europe/Berlin")
NOW = dt.datetime(2026, 11, 20, 10, 42, tzinfo=BERLIN)
STOP = dt.datetime(2026, 11, 27, 18, 0, tzinfo=BERLIN)


@pytest.fixture(autouse=True)
def in_berlin() -> Iterator[None]:
    with timezone.override(BERLIN):
        yield


def render(source: str, **context: object) -> str:
    return Template("{% load leasehold %}" + source).render(Context({"now": NOW, **context}))


def words(moment: dt.datetime | dt.date, style: str) -> str:
    return render("{% when_words moment style %}", moment=moment, style=style)


class OrderForm(forms.Form):
    size = forms.ChoiceField(choices=[("l", "Large")], widget=forms.RadioSelect)
    name = forms.CharField(help_text="Lower case letters.")
    note = forms.CharField(required=False)


@pytest.mark.parametrize(
    ("cents", "said"), [(132460, "€1,324.60"), (-57, "−€0.57"), (0, "€0.00"), (None, "–"), (123456789, "€1,234,567.89")]
)
def test_money_says_symbol_thousands_and_two_decimals(cents: int | None, said: str) -> None:
    assert figures.money(cents) == said


def test_money_of_a_whole_estate_is_rounded_to_whole_units() -> None:
    assert figures.money(421_750, "whole") == "€4,218"


@pytest.mark.parametrize(("cents", "said"), [(14190, "€141.90 more"), (-5975, "€59.75 less"), (0, "no change")])
def test_money_change_says_the_direction_in_words(cents: int, said: str) -> None:
    assert figures.money_change(cents) == said


@pytest.mark.parametrize(
    ("mib", "said"),
    [(16384, "16 GiB"), (512, "512 MiB"), (1536, "1.5 GiB"), (1572864, "1.5 TiB"), (0, "0 GiB"), (None, "–")],
)
def test_gib_chooses_the_unit(mib: int | None, said: str) -> None:
    assert figures.gib(mib) == said.replace(" ", figures.THIN)


@pytest.mark.parametrize(("seconds", "said"), [(2_682_000, "745 h"), (2_044_080, "567.8 h")])
def test_hours_say_one_decimal_where_it_matters(seconds: int, said: str) -> None:
    assert figures.hours(seconds) == said.replace(" ", figures.THIN)


def test_vcpus_say_their_unit() -> None:
    assert figures.vcpus(4) == f"4{figures.THIN}vCPU"


@pytest.mark.parametrize(("name", "said"), [("Lena Brandt", "LB"), ("admin", "AD"), ("Ana de la Cruz", "AC")])
def test_initials_take_first_and_last_name(name: str, said: str) -> None:
    assert figures.initials(name) == said


@pytest.mark.parametrize(
    ("style", "said"),
    [
        ("both", "Friday 27 November 2026 at 18:00, in 7 days"),
        ("long", "Friday 27 November 2026 at 18:00"),
        ("running", "Friday 27 November at 18:00, in 7 days"),
        ("day", "Friday 27 November 2026"),
        ("table", "27 Nov 2026"),
        ("tight", "27 Nov, 7 days"),
        ("relative", "in 7 days"),
        ("log", "Fri 27 Nov, 18:00"),
    ],
)
def test_when_speaks_each_style(style: str, said: str) -> None:
    assert words(STOP, style) == said


@pytest.mark.parametrize(
    ("shift", "said"),
    [
        (dt.timedelta(0), "now"),
        (dt.timedelta(seconds=-20), "20 seconds ago"),
        (dt.timedelta(minutes=-1), "1 minute ago"),
        (dt.timedelta(hours=-3, minutes=-50), "3 hours ago"),
        (dt.timedelta(hours=47), "in 47 hours"),
        (dt.timedelta(days=13), "in 13 days"),
        (dt.timedelta(days=28), "in 4 weeks"),
        (dt.timedelta(days=131), "31 Mar 2027"),
    ],
)
def test_relative_words_grow_coarser_with_distance(shift: dt.timedelta, said: str) -> None:
    assert words(NOW + shift, "relative") == said


def test_tight_says_the_year_of_another_year() -> None:
    assert words(dt.datetime(2027, 3, 14, 18, tzinfo=BERLIN), "tight") == "14 Mar 2027"


def test_when_is_a_time_element_with_the_instant() -> None:
    html = render("{% when moment 'table' %}", moment=STOP.astimezone(dt.UTC))
    assert html == '<time datetime="2026-11-27T18:00:00+01:00">27 Nov 2026</time>'


def test_when_gives_a_plain_day_no_hour() -> None:
    assert words(dt.date(2026, 11, 27), "both") == "Friday 27 November 2026, in 7 days"


def test_when_without_a_moment_is_heard_as_none() -> None:
    assert '<span class="visually-hidden">none</span>' in render("{% when None %}")


@pytest.mark.parametrize("stage", states.STAGES)
def test_stage_badge_has_icon_and_word(stage: str) -> None:
    html = render("{% stage_badge stage %}", stage=stage)
    assert "<svg" in html
    assert str(states.STAGES[stage].word).replace("'", "&#x27;") in html


@pytest.mark.parametrize(
    ("tag", "table"),
    [("request_badge", states.REQUESTS), ("operation_badge", states.OPERATIONS), ("finding_badge", states.FINDINGS)],
)
def test_every_state_of_a_table_is_drawn(tag: str, table: dict[str, states.Look]) -> None:
    for state, shown in table.items():
        assert f"c-{shown.colour}" in render(f"{{% {tag} state %}}", state=state)


def test_badge_of_an_unknown_state_shows_its_own_word() -> None:
    assert "Teleporting" in render("{% stage_badge 'teleporting' %}")


def test_power_badge_says_when_it_was_seen() -> None:
    html = render("{% power_badge 'on' seen %}", seen=NOW - dt.timedelta(seconds=40))
    assert "Running" in html
    assert "40 seconds ago" in html


def test_icon_is_hidden_beside_a_word() -> None:
    assert 'aria-hidden="true"' in render("{% icon 'clock' %}")


def test_icon_label_is_escaped() -> None:
    html = render("{% icon 'clock' label=label %}", label='"><script>')
    assert "<script>" not in html
    assert 'role="img"' in html


def test_field_ties_error_and_hint_to_its_control() -> None:
    form = OrderForm({"name": "", "size": "l"})
    html = render("{% field form.name %}", form=form)
    assert 'aria-describedby="id_name_error id_name_hint"' in html
    assert 'aria-invalid="true"' in html
    assert html.index("id_name_error") < html.index("<input")


def test_field_says_optional_only_where_it_is() -> None:
    form = OrderForm()
    assert "optional" in render("{% field form.note %}", form=form)
    assert "optional" not in render("{% field form.name %}", form=form)


def test_field_hands_extra_arguments_to_the_control() -> None:
    assert 'hx-get="/price/"' in render("{% field form.note hx_get='/price/' %}", form=OrderForm())


def test_field_of_radios_is_a_fieldset_with_a_legend() -> None:
    html = render("{% field form.size %}", form=OrderForm())
    assert "<fieldset" in html
    assert "<legend>Size" in html


def test_error_summary_links_fields_in_page_order() -> None:
    html = render("{% error_summary form %}", form=OrderForm({}))
    assert html.index('href="#id_size_0"') < html.index('href="#id_name"')
    assert "2 things keep this from being sent" in html


def test_error_summary_of_a_good_form_is_nothing() -> None:
    assert render("{% error_summary form %}", form=OrderForm({"name": "a", "size": "l"})).strip() == ""


def test_meter_over_the_limit_turns_red_and_marks_the_limit() -> None:
    html = render("{% meter 120 192 extra=156 words='84 over' %}")
    assert "meter-bad" in html
    assert "meter-limit" in html


def test_meter_of_nothing_starts_at_zero() -> None:
    assert 'width="0.00%"' in render("{% meter 0 0 words='none' %}")


def test_progress_stays_between_nothing_and_all() -> None:
    assert 'value="100"' in render("{% progress 140 'Step 6 of 6' %}")
