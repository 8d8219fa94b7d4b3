"""A day as people type it, and as a date field sends it."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from lifecycle import clock

FORMATS = ("%Y-%m-%d", "%d %b %Y", "%d %B %Y", "%a %d %b %Y", "%A %d %B %Y", "%d.%m.%Y")
RELATIVE = re.compile(r"in (\d{1,3}) (day|week|month)s?")
DAYS = {"day": 1, "week": 7}


def today() -> dt.date:
    """By the portal's clock, in the reader's zone."""
    return timezone.localtime(clock.now()).date()


def months_on(day: dt.date, months: int) -> dt.date:
    """The same day some months on, or the last one of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first_after = dt.date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return min(first_after - dt.timedelta(days=1), dt.date(year, month + 1, 1) + dt.timedelta(days=day.day - 1))


class DayInput(forms.DateInput):
    """The browser's date field; a text field while it holds what no date field can show."""

    input_type = "date"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        shown = context["widget"]["value"]
        if shown and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(shown)):
            context["widget"]["type"] = "text"
        return context


class DayField(forms.DateField):
    """Takes 2027-03-31, 31 Mar 2027 and "in 3 months"."""

    widget = DayInput(format="%Y-%m-%d")
    default_error_messages = {
        "required": _("Choose a last day."),
        "invalid": _("Not a date. Write it as 31 Mar 2027."),
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(input_formats=FORMATS, **options)

    def to_python(self, value: Any) -> dt.date | None:
        if isinstance(value, str) and (found := RELATIVE.fullmatch(value.strip().lower())):
            number, unit = int(found[1]), found[2]
            return months_on(today(), number) if unit == "month" else today() + dt.timedelta(number * DAYS[unit])
        return super().to_python(value)
