"""Blueprints, sizes and prices, as people write them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle import clock
from lifecycle.catalog.models import Blueprint, Size
from lifecycle.estate.models import Image, Meter, Pool
from lifecycle.money import calendar
from lifecycle.money.rates import MICROS_PER_UNIT
from portal.web.forms import Words

MIB_PER_GIB = 1024
MOST_GIB = 1_000_000
MONTHS_AHEAD = 13
APPROVALS = [(value, capfirst(label)) for value, label in Blueprint.Approval.choices]
UNITS = {Meter.VCPU: (1, "vCPU"), Meter.MEMORY: (MIB_PER_GIB, "GiB"), Meter.DISK: (MIB_PER_GIB, "GiB")}
"""For how many units of a meter a price is asked, and what people call that."""


class GibField(forms.DecimalField):
    """GiB on the page, whole MiB underneath."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=MOST_GIB, decimal_places=3, **options)

    def prepare_value(self, value: Any) -> Any:
        return f"{Decimal(value) / MIB_PER_GIB:f}".rstrip("0").rstrip(".") if isinstance(value, int) else value

    def clean(self, value: Any) -> int | None:
        gib = super().clean(value)
        return None if gib is None else int(gib * MIB_PER_GIB)


class DaysField(forms.CharField):
    """ "14, 7, 3, 1" on the page, a list of numbers underneath."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[int]:
        try:
            return [int(part) for part in super().clean(value).replace(",", " ").split()]
        except ValueError:
            raise ValidationError(_("Write whole days with commas between them: 14, 7, 3, 1.")) from None


class PriceField(forms.CharField):
    """A price in the currency with up to six places, as millionths."""

    def clean(self, value: Any) -> int:
        text = super().clean(value).strip()
        try:
            micros = Decimal(text) * MICROS_PER_UNIT
        except InvalidOperation:
            raise ValidationError(_("Not a price. Write it as 7.30.")) from None
        if not micros.is_finite() or micros < 0 or micros > Decimal(10) ** 15:
            raise ValidationError(_("Between zero and a billion."))
        if micros != int(micros):
            raise ValidationError(_("At most six places."))
        return int(micros)


class SizeForm(forms.Form):
    use_required_attribute = False

    name = Words(label=lazy("Name"))
    vcpus = forms.IntegerField(label=lazy("vCPU"))
    memory_mib = GibField(label=lazy("Memory, GiB"))
    disk_mib = GibField(label=lazy("System disk, GiB"))


class OnEndpoint(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({obj.endpoint.name})"


class BlueprintForm(forms.Form):
    use_required_attribute = False

    name = Words(label=lazy("Name"))
    summary = forms.CharField(required=False, max_length=120, label=lazy("Summary"))
    image = OnEndpoint(Image.objects.none(), label=lazy("Image"))
    pool = OnEndpoint(Pool.objects.none(), label=lazy("Pool"), help_text=lazy("Where machines are placed."))
    sizes = forms.ModelMultipleChoiceField(
        Size.objects.all(), required=False, widget=forms.CheckboxSelectMultiple, label=lazy("Sizes")
    )
    cloud_init = forms.BooleanField(
        required=False, label=lazy("Its image runs cloud-init"),
        help_text=lazy(
            "Then its machines are told host name, SSH keys and user data at their first start, where the endpoint can "
            "do that. Windows guests are not covered."
        ),
    )  # fmt: skip
    approval = forms.ChoiceField(choices=APPROVALS, widget=forms.RadioSelect, label=lazy("Approval"))
    default_days = forms.IntegerField(label=lazy("Usual lease, days"))
    max_days = forms.IntegerField(label=lazy("Longest lease, days"))
    grace_days = forms.IntegerField(
        label=lazy("Kept after the end, days"), help_text=lazy("Stopped, and restored with one click.")
    )
    restore_days = forms.IntegerField(label=lazy("New end after a restore, days"))
    warn_days = DaysField(label=lazy("Warnings, days before the end"), help_text=lazy("As 14, 7, 3, 1."))
    icon = forms.CharField(required=False, max_length=40, label=lazy("Icon"), help_text=lazy("A lucide name."))
    position = forms.IntegerField(min_value=0, max_value=32_000, label=lazy("Place in the list"))
    offered = forms.BooleanField(required=False, label=lazy("Offered: people may order it"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # What a scan no longer sees stays choosable only where it is chosen already.
        for name, rows in (("image", Image.objects.all()), ("pool", Pool.objects.all())):
            there = rows.filter(Q(gone=False) | Q(pk=self.initial.get(name)))
            self.fields[name].queryset = there.select_related("endpoint").order_by("name")  # type: ignore[attr-defined]

    def clean_icon(self) -> str:
        return self.cleaned_data["icon"] or "server"


class RateCardForm(forms.Form):
    use_required_attribute = False

    name = Words(label=lazy("Name"), help_text=lazy("As it stands beside each charge: 2026-3."))
    valid_from = forms.TypedChoiceField(
        coerce=date.fromisoformat, label=lazy("Valid from"), help_text=lazy("Months that have charges keep theirs.")
    )
    vcpu = PriceField(label=lazy("One vCPU, a month"))
    memory_mib = PriceField(label=lazy("One GiB of memory, a month"))
    disk_mib = PriceField(label=lazy("One GiB of disk, a month"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        month, choices = calendar.month_of(clock.now()), []
        for _number in range(MONTHS_AHEAD):
            choices.append((month.isoformat(), date_format(month, "F Y")))
            month = calendar.next_month(month)
        self.fields["valid_from"].choices = choices  # type: ignore[attr-defined]

    def prices(self) -> dict[Meter, tuple[int, int]]:
        return {meter: (self.cleaned_data[meter.value], per) for meter, (per, _unit) in UNITS.items()}
