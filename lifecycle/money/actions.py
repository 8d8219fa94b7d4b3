"""Publishing prices, and drafting what the open months cost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from django.db import transaction
from django.db.models import Min
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.audit.actions import Actor, record
from lifecycle.errors import Conflict, Invalid, InvalidMany
from lifecycle.estate.models import Meter, Tenure
from lifecycle.money import calendar, drafting
from lifecycle.money.drafting import DraftResult
from lifecycle.money.models import Draft, Line, Rate, RateCard
from lifecycle.money.permissions import PUBLISH_PRICES
from lifecycle.people.permissions import require

__all__ = ["DraftResult", "draft", "publish_rate_card", "withdraw_lines"]


def draft(*, now: datetime | None = None) -> DraftResult:
    """Recomputes lines and charges of the months touched since the last draft, up to `now` and never beyond.

    Safe to run twice, and at once: rows follow from history and `now` alone. Where a machine fails the others are
    still drafted; the failures are raised together at the end, and the next draft begins where this one did.
    It leaves no audit row: it decides nothing, and its result can be had again from history.
    """
    now = calendar.whole(now or clock.now())
    Draft.objects.get_or_create(pk=1)
    first, cut_short = drafting.months_to_draft(now)
    machines = drafting.machines_to_draft(first, cut_short)
    result, failures = DraftResult(), []
    for place in range(0, len(machines), drafting.CHUNK):
        chunk = machines[place : place + drafting.CHUNK]
        start = min(cut_short.get(machine, first) for machine in chunk)
        done, failed = drafting.draft_each(chunk, start, now)
        result += done
        failures += failed
    if failures:
        raise ExceptionGroup("Some machines could not be drafted.", failures)
    Draft.objects.filter(pk=1).update(drafted_to=now)
    return result


def publish_rate_card(name: str, valid_from: date, prices: Mapping[Meter, tuple[int, int]], *, by: Actor) -> RateCard:
    """Puts prices in force from a month on: meter -> (millionths, for how many units). Nothing is priced anew."""
    require(by, PUBLISH_PRICES)
    _check(name, valid_from, prices)
    with transaction.atomic():
        _take_turn_with_drafts(valid_from)
        _check_unused(name, valid_from)
        card = RateCard.objects.create(name=name, valid_from=valid_from)
        Rate.objects.bulk_create(
            Rate(card=card, meter=meter, micros=micros, per=per) for meter, (micros, per) in prices.items()
        )
        record(
            "published_rate_card",
            card,
            by=by,
            valid_from=valid_from.isoformat(),
            prices={meter.value: list(price) for meter, price in prices.items()},
        )
    return card


def withdraw_lines(tenure: Tenure) -> None:
    """Takes what was drafted for a tenure out of the open month. Runs inside the caller's transaction.

    Raises Conflict when it began in a month that is closed: its statement has been read, perhaps booked.
    """
    if calendar.month_of(tenure.started_at) != calendar.month_of(clock.now()):
        raise Conflict(_("It was charged for a month that has ended."))
    Draft.objects.get_or_create(pk=1)
    # A draft under way has seen the tenure; it ends before the lines go.
    Draft.objects.select_for_update().get(pk=1)
    Line.objects.filter(tenure=tenure).delete()


def _take_turn_with_drafts(month: date) -> None:
    """Waits for a draft under way, and sets the mark back so that the next one prices this month and later ones."""
    Draft.objects.get_or_create(pk=1)
    start, _end = calendar.month_bounds(month)
    mark = Draft.objects.select_for_update().get(pk=1)
    if mark.drafted_to and mark.drafted_to > start:
        mark.drafted_to = start
        mark.save(update_fields=["drafted_to"])


def _check(name: str, valid_from: date, prices: Mapping[Meter, tuple[int, int]]) -> None:
    problems = {}
    if not name.strip() or len(name) > 40:
        problems["name"] = _("A rate card needs a name of at most 40 characters.")
    if valid_from.day != 1:
        problems["valid_from"] = _("A rate card starts on the first day of a month.")
    for meter in Meter:
        micros, per = prices.get(meter, (-1, 1))
        if micros < 0 or per < 1:
            problems[meter.value] = _("%(meter)s needs a price of zero or more for at least one unit.") % {
                "meter": meter.label
            }
    if problems:
        raise InvalidMany(problems)


def _check_unused(name: str, valid_from: date) -> None:
    if RateCard.objects.filter(name=name).exists():
        raise Conflict(_("There is a rate card of this name already."), field="name")
    if RateCard.objects.filter(valid_from=valid_from).exists():
        raise Conflict(_("Another rate card starts in this month already."), field="valid_from")
    replaced = Line.objects.filter(month__gte=valid_from)
    if until := RateCard.objects.filter(valid_from__gt=valid_from).aggregate(first=Min("valid_from"))["first"]:
        replaced = replaced.filter(month__lt=until)
    if replaced.exists():
        raise Invalid(
            _("There are charges at earlier prices for this month already. Choose a later one."), field="valid_from"
        )
