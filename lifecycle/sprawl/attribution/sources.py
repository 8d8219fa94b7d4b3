"""What evidence is worth, as one literal table."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Origin(enum.Enum):
    """Where evidence comes from. Two pieces of one origin are one witness."""

    EVENTS = "the hypervisor's own events"
    WRITTEN = "what stands on the machine, which whoever may change it can write"
    PLACE = "where the machine stands, and among which"
    RECORD = "our own record of who held it"
    INVENTORY = "the inventory that was kept by hand"
    RULE = "a rule that an administrator made"


@dataclass(frozen=True, slots=True)
class Weight:
    points: int
    slot: str
    """Of one slot only the weightiest counts: a note that names somebody three times says it once."""
    origin: Origin
    firm: bool = False
    """Nobody can write it from within the machine, or on it."""


CERTAIN, LIKELY = 80, 50
LEVELS = ("certain", "likely", "guess")
DOUBTFUL = CERTAIN - 1
"""No more than this without two witnesses, one of them firm: text on a hypervisor alone is never certain."""
LEAST = 5
"""Less is not worth a line."""
MOST_CANDIDATES = 5
"""Of one machine."""
OF_LEAVERS = 75
"""Percent that remains of what speaks for somebody who has left, for whoever they reported to."""

WEIGHTS: dict[str, Weight] = {
    # Who made it and who last started or stopped it.
    "created_by": Weight(40, "created_by", Origin.EVENTS, firm=True),
    "powered_by": Weight(20, "powered_by", Origin.EVENTS, firm=True),
    # The note on it.
    "note_account": Weight(25, "note", Origin.WRITTEN),
    "note_name": Weight(20, "note", Origin.WRITTEN),
    "note_team": Weight(15, "note", Origin.WRITTEN),
    "note_surname": Weight(10, "note", Origin.WRITTEN),
    # Custom fields and tags; some are there to say whose it is.
    "label_owner": Weight(30, "label", Origin.WRITTEN),
    "label_team": Weight(25, "label", Origin.WRITTEN),
    "label_cost_centre": Weight(10, "label", Origin.WRITTEN),
    "label_other": Weight(12, "label", Origin.WRITTEN),
    # Its name, and what it calls itself inside.
    "name_account": Weight(20, "name", Origin.WRITTEN),
    "name_surname": Weight(10, "name", Origin.WRITTEN),
    "name_team": Weight(15, "name", Origin.WRITTEN),
    "guest_account": Weight(10, "guest", Origin.WRITTEN),
    "guest_surname": Weight(5, "guest", Origin.WRITTEN),
    "guest_team": Weight(8, "guest", Origin.WRITTEN),
    # Where it stands. Points of neighbours are for all of them; of fewer, as many percent.
    "folder_account": Weight(20, "folder", Origin.PLACE),
    "folder_surname": Weight(10, "folder", Origin.PLACE),
    "folder_team": Weight(15, "folder", Origin.PLACE),
    "folder_neighbours": Weight(14, "folder_neighbours", Origin.PLACE),
    "network_neighbours": Weight(8, "network_neighbours", Origin.PLACE),
    # What we know ourselves.
    "held": Weight(45, "held", Origin.RECORD, firm=True),
    "held_alike": Weight(30, "held", Origin.RECORD, firm=True),
    "cmdb_uuid": Weight(40, "cmdb", Origin.INVENTORY, firm=True),
    "cmdb_name": Weight(35, "cmdb", Origin.INVENTORY, firm=True),
    "cmdb_address": Weight(20, "cmdb", Origin.INVENTORY),
    # A rule that looks at names and labels says no more than they do; one that looks at places does.
    "rule_place": Weight(35, "rule", Origin.RULE, firm=True),
    "rule_text": Weight(35, "rule", Origin.WRITTEN),
    # What speaks against them.
    "no_cmdb": Weight(-5, "cmdb_against", Origin.INVENTORY),
    "cmdb_other": Weight(-15, "cmdb_against", Origin.INVENTORY),
}


def level_of(score: int) -> str:
    """The score in a word."""
    certain, likely, guess = LEVELS
    return certain if score >= CERTAIN else likely if score >= LIKELY else guess
