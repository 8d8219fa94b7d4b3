"""Integers as people read them: money, memory, processors, hours."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from django.conf import settings
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

THIN = "\u202f"  # narrow no-break space, before units and %
MINUS = "\u2212"
DASH = "–"


def money(cents: int | None, form: str = "") -> str:
    """132460 -> €1,324.60; with "whole" -> €1,325, for sums of a whole estate only."""
    if cents is None:
        return DASH
    places = 0 if form == "whole" else 2
    amount = round(Decimal(abs(cents)) / 100, places)
    figure = _number(amount, places, get_language())
    sign = MINUS if cents < 0 and amount else ""
    return f"{sign}{getattr(settings, 'CURRENCY_SYMBOL', '€')}{figure}"


def money_change(cents: int) -> str:
    """What a decision changes, in words: "€141.90 more", "€59.75 less"."""
    if not cents:
        return _("no change")
    return _("%(amount)s more" if cents > 0 else "%(amount)s less") % {"amount": money(abs(cents))}


def gib(mib: int | None) -> str:
    """16384 -> 16 GiB, 1572864 -> 1.5 TiB, 512 -> 512 MiB."""
    if mib is None:
        return DASH
    if mib and mib % 1024 and mib < 1024:
        return f"{_short(Decimal(mib))}{THIN}MiB"
    if mib < 1024 * 1024:
        return f"{_short(Decimal(mib) / 1024)}{THIN}GiB"
    return f"{_short(Decimal(mib) / (1024 * 1024))}{THIN}TiB"


def vcpus(number: int | None) -> str:
    return DASH if number is None else f"{_short(Decimal(number))}{THIN}vCPU"


def hours(seconds: int | None) -> str:
    """2682000 -> 745 h. Exact seconds stand in the spans below a line."""
    return DASH if seconds is None else f"{_short(Decimal(seconds) / 3600)}{THIN}h"


def percent(number: float | None) -> str:
    return DASH if number is None else f"{_short(Decimal(str(number)))}{THIN}%"


def initials(name: str) -> str:
    words = str(name).split()
    return (words[0][0] + words[-1][0] if len(words) > 1 else str(name)[:2]).upper()


def breakable(address: str) -> SafeString:
    """A mail address that may break before its @, rather than anywhere."""
    name, at, place = str(address).rpartition("@")
    return format_html("{}<wbr>{}{}", name, at, place)


def _short(value: Decimal) -> str:
    """One decimal where it says something, none where it does not."""
    rounded = round(value, 1)
    places = 0 if rounded == rounded.to_integral_value() else 1
    return _number(rounded, places, get_language())


@lru_cache(maxsize=4096)
def _number(value: Decimal, places: int, language: str | None) -> str:
    """Kept by language: lists show the same sizes and prices again and again."""
    return number_format(value, decimal_pos=places, use_l10n=True, force_grouping=True)
