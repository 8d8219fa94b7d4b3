"""What is wrong with the seeded machines: some 30,000 findings of all kinds, and how waste went for four months."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection

from lifecycle.models import Endpoint, WasteDay
from lifecycle.sprawl.models import Kind

DAYS = 120
COLUMNS = """kind, since, found_at, ended_at, confidence, action, cents_per_month, saves_cents, vcpus, memory_mib,
  disk_mib, counts, evidence"""
MORE_DAYS = ("idle", "oversized", "snapshots", "no_end", "powered_off", "past_end", "holder_gone")

STATEMENTS = (
    # Each machine that was found and that nobody holds.
    f"""INSERT INTO lifecycle_finding (machine_id, {COLUMNS})
       SELECT id, 'orphan', created_at, %(now)s, NULL, 3, 'assign', 100 * (1 + id %% 400), 100 * (1 + id %% 400), vcpus,
         memory_mib, disk_mib, %(yes)s, '[]' FROM lifecycle_machine WHERE stage = 'discovered' ORDER BY id""",  # noqa: S608
    # Of a machine in four that is held, one kind each, many of which cost the same.
    *(
        f"""INSERT INTO lifecycle_finding (machine_id, {COLUMNS})
       SELECT id, '{kind}', created_at, %(now)s, NULL, 1 + id %% 3, 'ask', 100 * (1 + id %% 400), 50 * (1 + id %% 400),
         1, 1024, 0, %(yes)s, '[{{"what": "idle_since", "value": "2026-01-01"}}]' FROM lifecycle_machine
       WHERE stage = 'active' AND id %% 28 = {4 * number} ORDER BY id"""  # noqa: S608
        for number, kind in enumerate(MORE_DAYS)
    ),
    # And of some a second one, whose waste counts in the first.
    f"""INSERT INTO lifecycle_finding (machine_id, {COLUMNS})
       SELECT id, 'duplicate', created_at, %(now)s, NULL, 3, 'look', 100 * (1 + id %% 400), 0, 0, 0, 0, %(no)s, '[]'
       FROM lifecycle_machine WHERE stage = 'active' AND id %% 24 = 0 ORDER BY id""",  # noqa: S608
    f"""INSERT INTO lifecycle_finding (image_id, {COLUMNS})
       SELECT id, 'image', %(now)s, %(now)s, NULL, 3, 'remove_image', 100, 100, 0, 0, 8192, %(yes)s, '[]'
       FROM lifecycle_image ORDER BY id""",  # noqa: S608
)


def fill(now: datetime) -> None:
    with connection.cursor() as cursor:
        for statement in STATEMENTS:
            cursor.execute(statement, {"now": now, "yes": True, "no": False})
    WasteDay.objects.bulk_create(
        WasteDay(
            day=now.date() - timedelta(days=number), endpoint=endpoint, kind=kind, findings=500, saves_cents=1_000_000,
            vcpus=400, memory_mib=900_000, disk_mib=4_000_000,
        )
        for number in range(DAYS) for endpoint in Endpoint.objects.all() for kind in Kind
    )  # fmt: skip
