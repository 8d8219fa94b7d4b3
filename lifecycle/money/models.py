"""Prices and charges, in integers: micros (millionths of the currency unit), unit-seconds and cents."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models import Machine, Meter, Span, Tenure


class RateCard(models.Model):
    """A set of prices, in force from a month border of the billing zone until the next card's."""

    name = models.CharField(_("name"), max_length=40, unique=True)
    valid_from = models.DateField(_("valid from"), unique=True)
    """First day of a month in the billing zone, so that a line never has two prices."""

    class Meta:
        ordering = ["-valid_from"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(valid_from__day=1),
                name="rate_card_starts_with_a_month",
                violation_error_message=_("A rate card starts on the first day of a month."),
            )
        ]
        verbose_name = _("rate card")
        verbose_name_plural = _("rate cards")

    def __str__(self) -> str:
        return self.name


class Rate(models.Model):
    """Price of `per` units of a meter for one calendar month, in micros."""

    card = models.ForeignKey(RateCard, models.CASCADE, related_name="rates")
    meter = models.CharField(max_length=20, choices=Meter.choices)
    micros = models.PositiveBigIntegerField(_("price, millionths"))
    per = models.PositiveIntegerField(_("for how many units"), default=1, validators=[MinValueValidator(1)])

    class Meta:
        ordering = ["card", "meter"]
        constraints = [models.UniqueConstraint(fields=["card", "meter"], name="one_rate_per_meter")]

    def __str__(self) -> str:
        return f"{self.card} {self.meter}"


class Line(models.Model):
    """What one machine costs one tenure for one meter in one month: rounded once, here. The open month is a draft."""

    month = models.DateField()
    machine = models.ForeignKey(Machine, models.PROTECT, related_name="lines")
    meter = models.CharField(max_length=20, choices=Meter.choices)
    tenure = models.ForeignKey(Tenure, models.PROTECT, related_name="lines")
    rate = models.ForeignKey(Rate, models.PROTECT, related_name="lines")
    seconds = models.PositiveBigIntegerField()
    unit_seconds = models.PositiveBigIntegerField()
    """Sum of quantity times seconds."""
    cents = models.BigIntegerField()

    class Meta:
        # By id: ordering by the relation itself would join the machine and the tenure for their orderings.
        ordering = ["-month", "machine_id", "meter", "tenure_id"]
        constraints = [
            models.UniqueConstraint(fields=["month", "machine", "meter", "tenure", "rate"], name="one_line_each")
        ]
        indexes = [models.Index(fields=["tenure", "month"], name="line_by_tenure")]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.machine_id} {self.meter}"


class Charge(models.Model):
    """The part of one span that falls into one tenure and month: the evidence behind a line."""

    line = models.ForeignKey(Line, models.CASCADE, related_name="charges")
    # A span that turns out to have lasted no second is dropped. Its charge goes too; the next draft corrects the line.
    span = models.ForeignKey(Span, models.CASCADE, related_name="charges")
    entry = models.PositiveSmallIntegerField(default=1)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    quantity = models.PositiveBigIntegerField()
    seconds = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["started_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["span", "line", "entry"], name="span_charged_once"),
            models.CheckConstraint(
                condition=models.Q(ended_at__gt=models.F("started_at")) & models.Q(seconds__gt=0),
                name="charge_is_not_empty",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line_id} {self.seconds} s"


class Draft(models.Model):
    """At most one row: up to when every held machine's time has been drafted. Drafts take turns by its lock."""

    drafted_to = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="draft_is_one_row")]
