"""Whose a machine might be, for a part of a page that stands on several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

from lifecycle.estate.models import Machine
from portal.web.whose import Whose
from portal.web.whose import whose as whose_it_is

register = template.Library()


@register.simple_tag
def whose(machine: Machine) -> Whose:
    """`{% whose machine as who %}`; only on pages of those who see all machines."""
    return whose_it_is(machine)


@register.filter
def entry(table: Mapping[Any, Any], key: Any) -> Any:
    """`{{ likeliest|entry:finding.machine_id }}`: what stands under a key, or nothing."""
    return table.get(key)
