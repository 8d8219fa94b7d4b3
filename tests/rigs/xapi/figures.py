"""Usage figures as /rrd_updates gives them: made up, but the same for the same seed, object and moment."""

from __future__ import annotations

import math
import time
import zlib
from typing import Any

from tests.rigs.xapi.context import Pool
from tests.rigs.xapi.database import Obj

STEPS = ((600, 5), (7_200, 60), (604_800, 3_600))
"""How far back which step reaches; before that, days."""
DAY = 86_400


def _step(age: float) -> int:
    return next((step for reach, step in STEPS if age <= reach), DAY)


def _wave(seed: int, uuid: str, name: str, moment: int) -> float:
    """Between 0 and 1, slowly up and down."""
    phase = zlib.crc32(f"{seed}:{uuid}:{name}".encode()) % 6283 / 1000
    return 0.5 + 0.5 * math.sin(moment / 900 + phase)


def _machine(vm: Obj) -> dict[str, float]:
    """Its columns, each with what it can at most reach."""
    columns = {f"cpu{number}": 1.0 for number in range(vm["VCPUs_at_startup"])}
    columns["memory_internal_free"] = vm["memory_dynamic_max"] / 1024
    for number in range(len(vm["VIFs"])):
        columns |= {f"vif_{number}_rx": 2e6, f"vif_{number}_tx": 1e6}
    for number in range(len(vm["VBDs"])):
        columns |= {f"vbd_xvd{chr(97 + number)}_read": 4e6, f"vbd_xvd{chr(97 + number)}_write": 2e6}
    return columns


def value(seed: int, uuid: str, name: str, most: float, moment: int) -> float:
    return round(most * _wave(seed, uuid, name, moment), 4)


def updates(pool: Pool, host: Obj, query: dict[str, str]) -> dict[str, Any]:
    """What the host that is asked knows of its own machines; a pool has to be asked host by host."""
    db, now = pool.db, time.time()
    start = float(query.get("start", now - 60) or 0)
    step = max(_step(now - start), int(query.get("interval", 0) or 0))
    columns: list[tuple[str, str, float | None, float]] = []
    for vm in db.many("VM", host["resident_VMs"]):
        if vm["power_state"] == "Running" and not vm["is_control_domain"]:
            columns.append((f"AVERAGE:vm:{vm.uuid}:memory", vm.uuid, float(vm["memory_dynamic_max"]), 0))
            columns += [
                (f"AVERAGE:vm:{vm.uuid}:{name}", f"{vm.uuid}|{name}", None, most) for name, most in _machine(vm).items()
            ]
    if query.get("host") == "true":
        for number in range(int(host["cpu_info"]["cpu_count"])):
            columns.append((f"AVERAGE:host:{host.uuid}:cpu{number}", f"{host.uuid}|cpu{number}", None, 1.0))
    end = int(now) // step * step
    first = max(int(start) // step * step + step, end - 4000 * step)
    moments = list(range(end, first - 1, -step))
    rows = [{"t": moment, "values": [_cell(pool.seed, column, moment) for column in columns]} for moment in moments]
    meta = {"start": first - step, "step": step, "end": end, "rows": len(rows), "columns": len(columns)}
    return {"meta": meta | {"legend": [column[0] for column in columns]}, "data": rows}


def _cell(seed: int, column: tuple[str, str, float | None, float], moment: int) -> float:
    _, key, fixed, most = column
    if fixed is not None:
        return fixed
    uuid, _, name = key.partition("|")
    return value(seed, uuid, name, most, moment)
