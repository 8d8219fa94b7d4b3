"""What hangs on the seeded machines, one INSERT … SELECT for each kind of row, in SQL that both databases know."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import Model

from lifecycle.estate.models import FAR

BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)
LEASED = "stage IN ('active', 'expired', 'quarantined', 'removing')"
METERS = {"vcpu": "vcpus", "memory_mib": "memory_mib", "disk_mib": "disk_mib"}

STATEMENTS = (
    """INSERT INTO lifecycle_lease (machine_id, started_at, ends_at, zone, latest_end, grace_days, restore_days,
         warn_days, extensions, end_set_at, next_warning_at, past_cap, stopped_at, remove_at, ended_at, held_reason)
       SELECT id, created_at, CASE WHEN stage = 'active' THEN next_at ELSE %(stopped)s END, 'Europe/Berlin',
         %(latest)s, 14, 7, '[14, 7, 3, 1]', 0, created_at, %(far)s, %(no)s,
         CASE WHEN stage = 'active' THEN NULL ELSE %(stopped)s END,
         CASE WHEN stage = 'quarantined' THEN next_at ELSE NULL END,
         CASE WHEN stage = 'removed' THEN %(stopped)s ELSE NULL END, ''
       FROM lifecycle_machine WHERE stage IN ('active', 'expired', 'quarantined', 'removed') ORDER BY id""",
    """INSERT INTO lifecycle_disk (machine_id, ref, name, size_mib, datastore_id)
       SELECT id, 'disk-0', 'Hard disk 1', disk_mib, endpoint_id FROM lifecycle_machine
       WHERE stage <> 'removed' ORDER BY id""",
    f"""INSERT INTO lifecycle_tenure (machine_id, holder_id, team_id, cost_centre_id, started_at, ended_at)
       SELECT id, holder_id, team_id, cost_centre_id, created_at, NULL FROM lifecycle_machine
       WHERE {LEASED} ORDER BY id""",  # noqa: S608
    *(
        f"""INSERT INTO lifecycle_span (machine_id, meter, quantity, started_at, ended_at, cause)
       SELECT id, '{meter}', {column}, created_at,
         CASE WHEN power = 'on' OR '{meter}' = 'disk_mib' THEN NULL ELSE %(stopped)s END, 'handed_over'
       FROM lifecycle_machine WHERE {LEASED} ORDER BY id"""  # noqa: S608
        for meter, column in METERS.items()
    ),
    """INSERT INTO lifecycle_line (month, machine_id, meter, tenure_id, rate_id, seconds, unit_seconds, cents)
       SELECT %(month)s, s.machine_id, s.meter, t.id, r.id, 86400, 86400 * s.quantity, 100
       FROM lifecycle_span s JOIN lifecycle_tenure t ON t.machine_id = s.machine_id
       JOIN lifecycle_rate r ON r.meter = s.meter ORDER BY s.machine_id, s.id""",
    f"""INSERT INTO lifecycle_request (requester_id, holder_id, team_id, cost_centre_id, blueprint_id, size_id, vcpus,
         memory_mib, disk_mib, name, purpose, last_day, ends_at, cents_per_month, cents_until_end, rate_card, state,
         machine_id, failure, key, created_at, lapses_at, hostname, ssh_keys, user_data_bytes, user_data_lines)
       SELECT COALESCE(holder_id, 1), holder_id, team_id, cost_centre_id, endpoint_id, 1, vcpus, memory_mib, disk_mib,
         name, purpose, %(month)s, %(latest)s, 3600, 36000, '2025',
         CASE WHEN stage = 'building' THEN 'building' ELSE 'done' END, id, '', 'bench:' || id, created_at, %(latest)s,
         '', '[]', 0, 0
       FROM lifecycle_machine WHERE ({LEASED} OR stage = 'building') AND cost_centre_id IS NOT NULL ORDER BY id""",  # noqa: S608
    """INSERT INTO lifecycle_step (request_id, approver_id, state, decided_by_id, decided_at, comment)
       SELECT r.id, u.supervisor_id, 'approved', u.supervisor_id, r.created_at, ''
       FROM lifecycle_request r JOIN lifecycle_user u ON u.id = r.requester_id ORDER BY r.id""",
    """INSERT INTO lifecycle_operation (machine_id, endpoint_id, kind, purpose, destructive, arguments, key, state,
         attempt, next_try_at, claimed_by, progress, step, waits_for, error_code, error, native_error, turn, verdict,
         verdict_reason, created_at, changed_at)
       SELECT id, endpoint_id, 'create', 'order', %(no)s, '{}', 'bench:' || id,
         CASE WHEN stage = 'building' THEN 'running' ELSE 'succeeded' END, 1, created_at, '', 50, 'copying', '', '',
         '', '', 0, '', '', created_at, created_at
       FROM lifecycle_machine WHERE holder_id IS NOT NULL OR team_id IS NOT NULL ORDER BY id""",
    """INSERT INTO lifecycle_entry (at, actor_id, actor_name, verb, object_type, object_id, object_name, reason, detail)
       SELECT created_at, requester_id, 'Somebody', 'request.submitted', 'request', id, name, purpose, '{}'
       FROM lifecycle_request ORDER BY id""",
    *(
        f"""INSERT INTO lifecycle_entry (at, actor_name, verb, object_type, object_id, object_name, reason, detail)
       SELECT created_at, 'Leasehold', '{verb}', 'machine', id, name, '', '{{}}' FROM lifecycle_machine ORDER BY id"""  # noqa: S608
        for verb in ("machine.building", "machine.active")
    ),
    # What waits for a decision: a request of every fifth person.
    """INSERT INTO lifecycle_request (requester_id, holder_id, cost_centre_id, blueprint_id, size_id, vcpus,
         memory_mib, disk_mib, name, purpose, last_day, ends_at, cents_per_month, cents_until_end, rate_card, state,
         failure, key, created_at, lapses_at, hostname, ssh_keys, user_data_bytes, user_data_lines)
       SELECT id, id, cost_centre_id, 1, 1, 2, 4096, 40960, 'asked-' || id, 'Waits', %(month)s, %(latest)s, 3600,
         36000, '2025', 'waiting', '', 'waits:' || id, %(stopped)s, %(latest)s, '', '[]', 0, 0
       FROM lifecycle_user WHERE id %% 5 = 0 AND supervisor_id IS NOT NULL ORDER BY id""",
    """INSERT INTO lifecycle_step (request_id, approver_id, state, comment)
       SELECT r.id, u.supervisor_id, 'waiting', '' FROM lifecycle_request r
       JOIN lifecycle_user u ON u.id = r.requester_id WHERE r.state = 'waiting' ORDER BY r.id""",
)


def fill(now: datetime) -> None:
    facts: dict[str, Any] = {
        "no": False,
        "far": FAR,
        "month": now.date().replace(day=1),
        "stopped": now - timedelta(days=3),
        "latest": now + timedelta(days=400),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in STATEMENTS:
            cursor.execute(statement, facts)


@contextmanager
def unchecked() -> Iterator[None]:
    """Foreign keys are right by construction; asking for each of two million rows would take most of the time."""
    on, off = {
        "postgresql": ("SET session_replication_role = DEFAULT", "SET session_replication_role = replica"),
        "sqlite": ("PRAGMA foreign_keys = ON", "PRAGMA foreign_keys = OFF"),
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(off)
        yield
        cursor.execute(on)


def restart_ids(*tables: type[Model]) -> None:
    """After rows with chosen ids."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(tables)):
            cursor.execute(statement)


def settle() -> None:
    """What autovacuum would have done by tomorrow."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
