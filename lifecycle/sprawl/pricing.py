"""What the subjects of findings cost a month, and what giving some of it back would save."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from lifecycle.errors import Invalid
from lifecycle.money import calendar
from lifecycle.money.quotes import monthly_cents_of
from lifecycle.money.rates import PriceList

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Quantities:
    vcpus: int = 0
    memory_mib: int = 0
    disk_mib: int = 0
    pk: int = 0


class Prices:
    """A month by the present rate card, as on statements. An estate has few sizes: each is reckoned once."""

    def __init__(self, now: datetime) -> None:
        self._month = calendar.month_of(now)
        self._prices = PriceList.load()
        self._known: dict[Quantities, int] = {}

    def cents(self, quantities: Quantities) -> int:
        """0 without a complete rate card: without prices an orphan is still an orphan."""
        if quantities not in self._known:
            self._known[quantities] = self._reckon(quantities)
        return self._known[quantities]

    def _reckon(self, quantities: Quantities) -> int:
        try:
            return monthly_cents_of([quantities], prices=self._prices, month=self._month).get(quantities.pk, 0)
        except Invalid as error:
            log.warning("Findings have no price: %s", error)
            return 0
