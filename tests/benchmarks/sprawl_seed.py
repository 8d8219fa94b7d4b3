"""An estate in which something of every kind is wrong, as large as one likes: rows are spread from one by the database.

What is wrong with a machine follows from its number, so that a part of the estate is like the whole.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import Model

from lifecycle.estate.models import Image, Nic, Pool, Power, Snapshot, Stage, UsageDay
from lifecycle.leases.models import Lease
from lifecycle.models import Endpoint, Machine, Team, User
from tests.benchmarks.derived import unchecked
from tests.lifecycle.factories import make_cost_centre, make_rate_card

PEOPLE = 1000
ENDPOINTS = 4
LONG = "now() - interval '90 days'"
# Of a hundred machines: so many nobody holds, and of the others one each is held by a leaver, gone, past its end, …
MACHINE = {
    "id": "n", "endpoint_id": f"1 + n % {ENDPOINTS}", "pool_id": f"1 + n % {ENDPOINTS}", "native_ref": "'vm-' || n",
    "uuid": "CASE WHEN n % 500 = 1 THEN md5((n + 1)::text) ELSE md5(n::text) END::uuid",
    "name": "'machine-' || n",
    "stage": "CASE WHEN n % 100 < 10 THEN 'discovered' WHEN n % 100 = 10 THEN 'quarantined' ELSE 'active' END",
    "holder_id": f"CASE WHEN n % 100 < 10 THEN NULL ELSE 2 + n % {PEOPLE} END",
    "power": "CASE WHEN n % 100 BETWEEN 20 AND 27 THEN 'off' ELSE 'on' END",
    "power_since": f"CASE WHEN n % 2 = 0 THEN {LONG} ELSE now() END",
    "scans_missed": "CASE WHEN n % 200 = 30 THEN 3 ELSE 0 END",
    "missing_since": f"CASE WHEN n % 200 = 30 THEN {LONG} ELSE NULL END",
    "vcpus": "2 + 2 * (n % 4)", "memory_mib": "4096 + 4096 * (n % 4)", "disk_mib": "20480 + 1024 * (n % 50)",
}  # fmt: skip
LEASE = {
    "id": "n", "machine_id": "n",
    "ends_at": "CASE WHEN n % 100 = 40 THEN now() - interval '3 days' ELSE now() + interval '90 days' END",
}  # fmt: skip
IDLE, LARGE = "machine.id % 100 BETWEEN 50 AND 64", "machine.id % 100 BETWEEN 65 AND 79"
USAGE = {
    "machine_id": "machine.id", "day": "current_date - ago",
    "quiet_hours": f"CASE WHEN {IDLE} THEN 24 ELSE machine.id % 12 END",
    "cpu_milli": f"CASE WHEN {IDLE} THEN 10 ELSE 200 + machine.id % 500 END",
    "cpu_p95_milli": f"CASE WHEN {IDLE} THEN 20 WHEN {LARGE} THEN 700 ELSE machine.vcpus * 900 END",
    "cpu_top_milli": f"CASE WHEN {IDLE} THEN 30 WHEN {LARGE} THEN 900 ELSE machine.vcpus * 950 END",
    "memory_p95_mib": "machine.memory_mib * 9 / 10", "memory_top_mib": "machine.memory_mib",
}  # fmt: skip


def grow(before: int, count: int, *, days: int) -> None:
    """From `before` machines to `count`, with as many days of use each. Only on PostgreSQL."""
    if not before:
        _templates()
    numbers = f"generate_series({before + 1}, {count}) AS n"
    with unchecked():
        _spread(Machine, MACHINE, numbers)
        _spread(Lease, LEASE, f"{numbers} WHERE n % 100 >= 10 AND n % 100 <> 45")
        mac = "CASE WHEN n % 500 = 3 THEN 'aa:00:' || n + 1 ELSE 'aa:00:' || n END"
        _spread(Nic, {"machine_id": "n", "ref": "'nic'", "mac": mac}, numbers)
        taken = {"machine_id": "n", "ref": "level::text", "created_at": LONG, "parent_ref": "(level - 1)::text"}
        _spread(Snapshot, taken, f"{numbers}, generate_series(1, 3) AS level WHERE n % 100 BETWEEN 80 AND 87")
        machines = f"lifecycle_machine AS machine, generate_series(1, {days}) AS ago"
        _spread(UsageDay, USAGE, f"{machines} WHERE machine.id > {before} AND machine.id <= {count}")


def _templates() -> None:
    """One row of each table, from which the others are spread; itself it is over, and nothing is said of it."""
    long_ago = datetime.now(UTC) - timedelta(days=300)
    make_rate_card("2025")
    team = Team.objects.create(id=1, name="Team", cost_centre=make_cost_centre())
    people = range(1, PEOPLE + 2)
    User.objects.bulk_create(
        User(id=pk, username=f"person{pk}", password="!", team=team, is_active=pk % 50 != 0) for pk in people
    )
    for pk in range(1, ENDPOINTS + 1):
        now = datetime.now(UTC)
        endpoint = Endpoint.objects.create(id=pk, name=f"Endpoint {pk}", kind="simulated", scans=9, swept_at=now)
        Pool.objects.create(id=pk, endpoint=endpoint, ref="pool", name="General")
        Image.objects.create(id=pk, endpoint=endpoint, ref="image", name="Image", first_seen_at=long_ago)
    machine = Machine.objects.create(
        id=0, endpoint_id=1, name="template", stage=Stage.REMOVED, power=Power.ON, first_seen_at=long_ago,
        created_at=long_ago, guest_name="machine.corp.example.org", note="ask before you switch it off",
        created_by="CORP\\somebody", addresses=["10.0.0.1"],
    )  # fmt: skip
    Lease.objects.create(
        id=0, machine=machine, started_at=long_ago, ends_at=long_ago + timedelta(days=600), zone="UTC", grace_days=7,
        latest_end=long_ago + timedelta(days=900), restore_days=7, warn_days=[7, 1], end_set_at=long_ago,
    )  # fmt: skip
    Nic.objects.create(id=0, machine=machine, ref="template")
    Snapshot.objects.create(id=0, machine=machine, ref="template", name="before upgrade", first_seen_at=long_ago)
    UsageDay.objects.create(
        id=0, machine=machine, day=long_ago.date(), hours=24, quiet_hours=0, io_kib_s=10, net_kib_s=10
    )


def _spread(table: type[Model], values: dict[str, str], source: str) -> None:
    """A row for each of the source's, like the one with the id 0 but for these columns."""
    names = [str(field.column) for field in table._meta.concrete_fields]
    given = [name for name in names if name != "id" or name in values]
    columns, chosen = ", ".join(given), ", ".join(values.get(name, f"template.{name}") for name in given)
    name = table._meta.db_table
    source, _where, condition = source.partition(" WHERE ")
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {name} ({columns}) SELECT {chosen} FROM {name} AS template, {source}"  # noqa: S608
            f" WHERE template.id = 0 {'AND ' + condition if condition else ''}"
        )
