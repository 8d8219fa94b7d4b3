"""Kinds of values that DRF has no field for."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

SMALL, LARGE = 32_767, 2_147_483_647
"""What the databases' small and usual integers hold."""

YEARS = range(1970, 9000)
"""Beyond these, an hour of a day may lie outside the calendar in some zone."""


class Row(serializers.PrimaryKeyRelatedField[Any]):
    """A row by its id: a whole number, and nothing that could be taken for one."""

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is not int:
            self.fail("incorrect_type", data_type=type(data).__name__)
        return super().to_internal_value(data)


class AskedRow(Row):
    """A row by its id in the address, where everything is text."""

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(int(data) if re.fullmatch(r"[0-9]{1,18}", str(data)) else data)


class Day(serializers.DateField):
    default_error_messages = {"beyond": _("Choose a year from 1970 to 8999.")}

    def to_internal_value(self, value: Any) -> date:
        day = super().to_internal_value(value)
        if day.year not in YEARS:
            self.fail("beyond")
        return day


@extend_schema_field({"type": "string", "pattern": r"^\d{4}-\d{2}$", "example": "2026-11"})
class Month(serializers.Field[date, Any, str, Any]):
    """A month as 2026-11; inside, its first day."""

    default_error_messages = {"invalid": _("A month reads 2026-11.")}

    def to_internal_value(self, data: Any) -> date:
        if not isinstance(data, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}", data):
            self.fail("invalid")
        year, month = map(int, data.split("-"))
        if year not in YEARS or not 1 <= month <= 12:
            self.fail("invalid")
        return date(year, month, 1)

    def to_representation(self, value: date) -> str:
        return f"{value:%Y-%m}"


@extend_schema_field(OpenApiTypes.STR)
class Name(serializers.Field[Any, Any, str, Any]):
    """What something is called, as people read it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)

    def to_representation(self, value: Any) -> str:
        return str(value)
