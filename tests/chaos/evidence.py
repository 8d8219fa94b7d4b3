"""What there is afterwards: asked of the database and of the hypervisor itself, past the portal."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos import journal
from tests.chaos.clients import Log

Row = dict[str, Any]

TABLES = {
    "requests": "SELECT * FROM lifecycle_request ORDER BY id",
    "machines": "SELECT * FROM lifecycle_machine ORDER BY id",
    "operations": "SELECT * FROM lifecycle_operation ORDER BY id",
    "spans": "SELECT * FROM lifecycle_span ORDER BY machine_id, meter, started_at",
    "tenures": "SELECT * FROM lifecycle_tenure ORDER BY machine_id, started_at",
    "leases": "SELECT * FROM lifecycle_lease ORDER BY id",
    "notices": "SELECT n.*, u.email FROM lifecycle_notice n JOIN lifecycle_user u ON u.id = n.recipient_id",
    "entries": "SELECT * FROM lifecycle_entry ORDER BY id",
}


@dataclass(frozen=True)
class Vm:
    """A machine as the hypervisor has it."""

    ref: str
    uuid: uuid.UUID
    name: str
    on: bool
    finished: bool


@dataclass
class Estate:
    """All that is on the hypervisor; `events` where it keeps a log of its own, else None."""

    vms: list[Vm]
    loose: set[str]
    """Disks, seeds and snapshots of no machine, and work that nobody waits for."""
    events: list[Row] | None = None


@dataclass
class Evidence:
    requests: list[Row]
    machines: list[Row]
    operations: list[Row]
    spans: list[Row]
    tenures: list[Row]
    leases: list[Row]
    notices: list[Row]
    entries: list[Row]
    before: Estate
    estate: Estate
    log: Log
    claims: list[journal.Claim]
    mails: list[tuple[str, str]]
    """Address and subject of each that left."""


def gather(
    database: str, *, before: Estate, estate: Estate, log: Log, folder: Path, mails: list[tuple[str, str]]
) -> Evidence:
    return Evidence(
        **{name: rows(database, question) for name, question in TABLES.items()},
        before=before,
        estate=estate,
        log=log,
        claims=journal.read(folder / "journal"),
        mails=mails,
    )


def rows(database: str, question: str, *values: Any) -> list[Row]:
    """One question, all in one moment."""
    import psycopg
    from psycopg.rows import dict_row

    with psycopg.connect(database, autocommit=True, row_factory=dict_row) as connection:
        cursor = connection.execute(question, values or None)
        return cursor.fetchall() if cursor.description else []
