"""Which prices hold in a month, and the one place where an amount is rounded."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from fractions import Fraction

from django.utils.translation import gettext as _

from lifecycle.errors import Invalid
from lifecycle.estate.models import Meter
from lifecycle.money import calendar
from lifecycle.money.models import Rate, RateCard

MICROS_PER_UNIT = 1_000_000
CENTS_PER_UNIT = 100


def card_at(month: date) -> RateCard | None:
    """The card in force in a month."""
    return RateCard.objects.filter(valid_from__lte=month.replace(day=1)).order_by("-valid_from").first()


def amount(unit_seconds: int, rate: Rate, month: date) -> Fraction:
    """The exact amount in units of the currency: a full month of `per` units costs exactly the price."""
    return Fraction(rate.micros * unit_seconds, rate.per * calendar.month_seconds(month) * MICROS_PER_UNIT)


def cents(unit_seconds: int, rate: Rate, month: date) -> int:
    """The amount in cents, rounded half up: once, here, and nowhere else."""
    exact = amount(unit_seconds, rate, month) * CENTS_PER_UNIT
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)


class PriceList:
    """All cards at once, since there are few of them and much to price."""

    def __init__(self, rates: Iterable[Rate]) -> None:
        self._by_card: dict[date, dict[str, Rate]] = {}
        for rate in rates:
            self._by_card.setdefault(rate.card.valid_from, {})[rate.meter] = rate
        self._starts = sorted(self._by_card, reverse=True)

    @classmethod
    def load(cls) -> PriceList:
        return cls(Rate.objects.select_related("card").order_by())

    def __bool__(self) -> bool:
        return bool(self._starts)

    def at(self, month: date) -> dict[str, Rate]:
        """Meter -> rate of the card in force; empty before the first card."""
        return next((self._by_card[start] for start in self._starts if start <= month), {})

    def complete_at(self, month: date) -> dict[Meter, Rate]:
        """Like `at`, but refuses to promise a price where one is missing: a missing price never means free."""
        rates = self.at(month)
        if missing := [meter for meter in Meter if meter not in rates]:
            labels = ", ".join(str(meter.label) for meter in missing)
            raise Invalid(
                _("No price is set for %(meters)s in %(month)s.") % {"meters": labels, "month": f"{month:%Y-%m}"}
            )
        return {meter: rates[meter] for meter in Meter}
