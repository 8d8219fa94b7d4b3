"""Spans and tenures of a machine, written as a test tells them."""

from datetime import date

from lifecycle.estate.models import Meter
from tests.lifecycle.factories import make_span, make_tenure, utc

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
MARCH_BEGINS, MARCH_ENDS = utc("2026-02-28 23:00"), utc("2026-03-31 22:00")


def held(machine, since, *, until=None, **fields):
    return make_tenure(machine, started_at=since, ended_at=until, **fields)


def metered(machine, since, *, until=None, meters=tuple(Meter), **fields):
    return [make_span(machine, meter, started_at=since, ended_at=until, **fields) for meter in meters]
