"""A CSV file of machines and whose they are, as rows of text."""

from __future__ import annotations

from lifecycle import csvfiles
from lifecycle.csvfiles import Given, Sheet

COLUMNS = ("machine", "holder", "team", "purpose", "last_day")
TOLD = ("machine_name", "endpoint", "folder", "guest_name", "made_by", "note", "found", "cost_per_month", "likely")
"""What the template says of a machine, so that people recognise it; passed over when it is read."""

NAMES = {
    "vm": "machine", "name": "machine", "server": "machine", "uuid": "machine", "id": "machine", "maschine": "machine",
    "owner": "holder", "person": "holder", "username": "holder", "user": "holder", "holder_or_team": "holder",
    "inhaber": "holder", "besitzer": "holder", "verantwortlich": "holder",
    "zweck": "purpose", "reason": "purpose",
    "end": "last_day", "end_date": "last_day", "ends_on": "last_day", "until": "last_day", "lease_end": "last_day",
    "bis": "last_day", "ende": "last_day", "letzter_tag": "last_day",
}  # fmt: skip
"""How else people call the columns."""

ANSWERED = ("line", "outcome", "problem")
"""What the rows of a list say of themselves when they are downloaded again; passed over, too."""

SHAPE = csvfiles.Shape((*COLUMNS, *TOLD, *ANSWERED), needed=("machine", "purpose", "last_day"), names=NAMES)
FILLED_IN = ("holder", "team", "purpose", "last_day")


def read(data: bytes) -> Sheet:
    """Raises Invalid for the field `file` when the whole cannot be read; a row that cannot says so itself."""
    return csvfiles.read(data, SHAPE)


def is_empty(given: Given) -> bool:
    """A row of the template that nobody has filled in."""
    return not given.wrong and not any(given.cells.get(column) for column in FILLED_IN)
