"""Reading money: who sees which lines, what they add up to, and why."""

from lifecycle.money.queries.costs import Spent, cost_so_far, cost_this_month, costs_so_far, spent
from lifecycle.money.queries.explanations import Why, WhyPart, why
from lifecycle.money.queries.lines import (
    cost_centres_visible_to,
    line_visible_to,
    lines_of,
    lines_visible_to,
    months_of,
)
from lifecycle.money.queries.proof import Flaw, overcharged_seconds
from lifecycle.money.queries.statements import MachineLines, Statement, daily_cents, statement

__all__ = [
    "Flaw",
    "MachineLines",
    "Spent",
    "Statement",
    "Why",
    "WhyPart",
    "cost_centres_visible_to",
    "cost_so_far",
    "cost_this_month",
    "costs_so_far",
    "daily_cents",
    "line_visible_to",
    "lines_of",
    "lines_visible_to",
    "months_of",
    "overcharged_seconds",
    "spent",
    "statement",
    "why",
]
