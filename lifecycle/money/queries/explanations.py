"""Why a line costs what it costs: down to the seconds, and computed again from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from lifecycle.money import calendar
from lifecycle.money.models import Charge, Line
from lifecycle.money.rates import CENTS_PER_UNIT, MICROS_PER_UNIT, amount, cents


@dataclass(frozen=True)
class WhyPart:
    """One span's part: `quantity` units from `started_at` up to, not including, `ended_at`."""

    charge: Charge
    started_at: datetime
    ended_at: datetime
    seconds: int
    quantity: int
    unit_seconds: int
    cause: str
    amount: str
    """In units of the currency, six places. The parts' amounts add up to the sum's, digit by digit."""
    agrees: bool
    """The span and the tenure still say so."""


@dataclass(frozen=True)
class Why:
    """A line with its evidence. `exact` is rounded half up, once, to `cents`; `rest` is what that added or took."""

    line: Line
    parts: tuple[WhyPart, ...]
    seconds: int
    unit_seconds: int
    month_seconds: int
    micros: int
    per: int
    exact: str
    rest: str
    recomputed_cents: int
    agrees: bool
    """Recomputing from the evidence gives the line's own figures."""

    @property
    def cents(self) -> int:
        return self.line.cents


def why(line: Line) -> Why:
    """Opens a line: one query for its spans, and one for its rate and tenure where the caller did not join them."""
    charges = list(line.charges.select_related("span").order_by("started_at", "pk"))
    parts = tuple(_parts(line, charges))
    unit_seconds = sum(part.unit_seconds for part in parts)
    seconds = sum(part.seconds for part in parts)
    exact = amount(unit_seconds, line.rate, line.month)
    recomputed = cents(unit_seconds, line.rate, line.month)
    figures = (seconds, unit_seconds, recomputed) == (line.seconds, line.unit_seconds, line.cents)
    return Why(
        line=line,
        parts=parts,
        seconds=seconds,
        unit_seconds=unit_seconds,
        month_seconds=calendar.month_seconds(line.month),
        micros=line.rate.micros,
        per=line.rate.per,
        exact=_six_places(_micros(exact)),
        rest=_six_places(_micros(Fraction(recomputed, CENTS_PER_UNIT)) - _micros(exact)),
        recomputed_cents=recomputed,
        agrees=figures and all(part.agrees for part in parts),
    )


def _parts(line: Line, charges: list[Charge]) -> list[WhyPart]:
    parts, reached, shown = [], 0, 0
    for charge in charges:
        seconds = calendar.seconds_between(charge.started_at, charge.ended_at)
        reached += charge.quantity * seconds
        so_far = _micros(amount(reached, line.rate, line.month))
        parts.append(
            WhyPart(
                charge=charge,
                started_at=charge.started_at,
                ended_at=charge.ended_at,
                seconds=seconds,
                quantity=charge.quantity,
                unit_seconds=charge.quantity * seconds,
                cause=charge.span.cause,
                amount=_six_places(so_far - shown),
                agrees=_agrees(line, charge),
            )
        )
        shown = so_far
    return parts


def _agrees(line: Line, charge: Charge) -> bool:
    """The charge lies within its span, its tenure and its month, and has the span's size."""
    start, end = calendar.month_bounds(line.month)
    inside = start <= charge.started_at and charge.ended_at <= end
    for row in (charge.span, line.tenure):
        inside &= calendar.whole(row.started_at) <= charge.started_at
        inside &= row.ended_at is None or charge.ended_at <= row.ended_at
    same = charge.span.quantity == charge.quantity and charge.span.meter == line.meter
    return inside and same and charge.span.machine_id == line.machine_id == line.tenure.machine_id


def _micros(exact: Fraction) -> int:
    """Millionths of the currency unit, rounded half up, for showing."""
    millionths = exact * MICROS_PER_UNIT
    return (2 * millionths.numerator + millionths.denominator) // (2 * millionths.denominator)


def _six_places(micros: int) -> str:
    sign, size = "-" if micros < 0 else "", abs(micros)
    return f"{sign}{size // MICROS_PER_UNIT}.{size % MICROS_PER_UNIT:06}"
