"""How busy a machine is in a given hour: a function of seed, machine and hour, so that history need not be stored."""

from __future__ import annotations

import sqlite3
import zlib
from datetime import UTC, datetime
from typing import NamedTuple

PROFILES = ("busy", "office-hours", "nightly", "idle", "spiky")


def cpu_percent(*, seed: int, uuid: str, profile: str, at: datetime, idle_from: str = "") -> int:
    """Mean CPU use, 0..100, over the hour that holds `at`; after `idle_from` (ISO, UTC) it only breathes."""
    hour = int(at.timestamp() // 3600)
    noise = zlib.crc32(f"{seed}:{uuid}:{hour}".encode()) % 1000 / 1000
    if profile == "idle" or (idle_from and at.isoformat() >= idle_from):
        return int(noise * 2)
    own = zlib.crc32(f"{seed}:{uuid}".encode()) % 1000 / 1000
    of_day, of_week = hour % 24, (hour // 24 + 3) % 7  # the epoch began on a Thursday
    return int(_shape(profile, own, noise, of_day, of_week))


def _shape(profile: str, own: float, noise: float, hour: int, day: int) -> float:
    if profile == "busy":
        return 45 + 30 * own + 20 * noise
    if profile == "office-hours":
        working = day < 5 and 7 <= hour < 18
        return 15 + 30 * own + 25 * noise if working else 2 + 3 * noise
    if profile == "nightly":
        return 60 + 35 * noise if 1 <= hour < 5 else 1 + 3 * noise
    return 70 + 25 * own if noise > 0.93 else 3 + 8 * noise  # spiky


WINDOW = 300
"""Seconds that a sample covers."""


class Use(NamedTuple):
    """What a machine used in the last whole window."""

    ref: str
    ended_at: datetime
    cpu_seconds: float
    memory_mib: int
    read_bytes: int
    written_bytes: int
    received_bytes: int
    sent_bytes: int


def use(row: sqlite3.Row, *, seed: int, now: datetime) -> Use:
    """Follows from seed, machine and window, as the use of its processor does; busy machines read and send more."""
    ended_at = datetime.fromtimestamp(int(now.timestamp() // WINDOW) * WINDOW, UTC)
    percent = cpu_percent(
        seed=seed, uuid=row["uuid"], profile=row["profile"], at=ended_at, idle_from=row["idle_from"]
    )  # fmt: skip
    dice = zlib.crc32(f"{seed}:{row['uuid']}:{ended_at.timestamp()}".encode())
    read, written, received, sent = ((dice >> shift) % 256 * 1024 * (1 + percent) for shift in (0, 8, 16, 24))
    memory = row["memory_mib"] * (20 + percent * 6 // 10 + dice % 10) // 100
    return Use(
        row["ref"], ended_at, percent / 100 * row["vcpus"] * WINDOW, memory, read, written, received, sent
    )  # fmt: skip
