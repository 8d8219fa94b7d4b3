"""The side navigation: one literal table, by whose job a thing is. A person sees only groups that hold something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lifecycle.money.permissions import sees_all_money
from lifecycle.people.models import User
from lifecycle.people.permissions import runs_the_house, sees_all


@dataclass(frozen=True)
class Item:
    label: str | Promise
    url: str
    icon: str
    count: int | None = None
    count_filled: bool = False  # filled: it waits for me; plain: how many there are
    current: bool = False


@dataclass(frozen=True)
class Group:
    label: str | Promise
    items: list[Item]


Entry = tuple[str | Promise, str, str]  # label, name of the url, icon
GROUPS: list[tuple[str | Promise, Callable[[User], bool], list[Entry]]] = [
    (
        _("Mine"),
        lambda user: True,
        [
            (_("Home"), "home", "house"),
            (_("Machines"), "machines", "server"),
            (_("Requests"), "requests", "send"),
            (_("Costs"), "costs", "coins"),
            (_("Is this yours?"), "board", "hand"),
            (_("Findings"), "findings", "scan-search"),
        ],
    ),
    (
        _("Decide"),
        lambda user: runs_the_house(user) or user.decides,
        [(_("Approvals"), "approvals", "inbox"), (_("Sprawl"), "sprawl", "radar")],
    ),
    (
        _("House"),
        sees_all,
        [
            (_("Sprawl"), "sprawl", "radar"),
            (_("Findings"), "findings", "scan-search"),
            (_("Claims"), "claims", "hand-helping"),
            (_("Estate"), "estate", "network"),
            (_("Endpoints"), "endpoints", "layers"),
            (_("Operations"), "operations", "activity"),
            (_("People"), "people", "users"),
        ],
    ),
    (
        _("Money"),
        lambda user: sees_all_money(user) or user.owns_cost_centre,
        [(_("Statements"), "statements", "file-text")],
    ),
    (
        _("Rules"),
        sees_all,
        [
            (_("Catalogue"), "catalogue", "package"),
            (_("Thresholds"), "limits", "sliders-horizontal"),
            (_("Exemptions"), "exemptions", "shield-check"),
            (_("Found machines"), "rules", "list-checks"),
            (_("Audit record"), "audit", "scroll-text"),
        ],
    ),
]

OF_THE_HOUSE = {name for _label, holds, entries in GROUPS if holds is sees_all for _words, name, _icon in entries}


def build(user: User, *, current: str, counts: Mapping[str, tuple[int, bool]]) -> list[Group]:
    """`current` is the name of an entry's url; `counts` maps such names to how many and whether they wait for me."""
    # What stands in groups of the house does not stand twice.
    there = OF_THE_HOUSE if sees_all(user) else set()
    return [
        Group(label, [_item(entry, current, counts) for entry in entries if holds is sees_all or entry[1] not in there])
        for label, holds, entries in GROUPS
        if holds(user)
    ]


def _item(entry: Entry, current: str, counts: Mapping[str, tuple[int, bool]]) -> Item:
    label, name, icon = entry
    count, filled = counts.get(name, (0, False))
    return Item(label, reverse(name), icon, count or None, filled, current=name == current)
