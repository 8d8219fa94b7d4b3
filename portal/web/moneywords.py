"""Prices, sizes and causes of charges in words."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.estate.models import Meter
from lifecycle.money.models import Rate
from lifecycle.money.rates import MICROS_PER_UNIT
from portal.templatetags import figures

MIB_PER_GIB = 1024
PLACES = 6

CAUSES: dict[str, str | Promise] = {
    "handed_over": lazy("handed over"),
    "resized": lazy("its size changed"),
    "restarted": lazy("restarted"),
    "restored": lazy("restored"),
    "seen": lazy("seen at a scan"),
    "seen_off": lazy("seen off at a scan"),
    "seen_running": lazy("seen running at a scan"),
    "started": lazy("started"),
    "stopped": lazy("stopped"),
}


def cause(key: str) -> str:
    return str(CAUSES.get(key) or key.replace("_", " "))


def quantity(meter: str, units: int) -> str:
    """16 vCPU, 330 GiB."""
    return figures.vcpus(units) if meter == Meter.VCPU else figures.gib(units)


def quantities(meter: str, least: int, most: int) -> str:
    if least == most:
        return quantity(meter, most)
    return _("%(least)s to %(most)s") % {"least": quantity(meter, least), "most": quantity(meter, most)}


def price(micros: int) -> str:
    """€7.30; as many places as the price has, at least two."""
    value = Decimal(micros) / MICROS_PER_UNIT
    digits = str(micros).rjust(PLACES + 1, "0")
    places = max(2, PLACES - len(digits) + len(digits.rstrip("0")))
    return settings.CURRENCY_SYMBOL + number_format(value, decimal_pos=places, use_l10n=True, force_grouping=True)


def rate(rate: Rate) -> str:
    """€1.909375 per GiB and month."""
    return _("%(price)s per %(unit)s and month") % {"price": price(rate.micros), "unit": unit(rate.meter, rate.per)}


def unit(meter: str, per: int) -> str:
    if meter == Meter.VCPU:
        return "vCPU" if per == 1 else figures.vcpus(per)
    return "GiB" if per == MIB_PER_GIB else figures.gib(per)
