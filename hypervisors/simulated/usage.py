"""How busy a machine is in a given hour: a function of seed, machine and hour, so that history need not be stored."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

PROFILES = ("busy", "office-hours", "nightly", "idle", "spiky", "light")


def cpu_percent(*, seed: int, uuid: str, profile: str, at: datetime, idle_from: str = "") -> int:
    """Mean CPU use, 0..100, over the hour that holds `at`; after `idle_from` (ISO, UTC) it only breathes."""
    hour = int(at.timestamp() // 3600)
    noise = zlib.crc32(f"{seed}:{uuid}:{hour}".encode()) % 1000 / 1000
    if _idles(profile, at, idle_from):
        return int(noise * 2)
    own = zlib.crc32(f"{seed}:{uuid}".encode()) % 1000 / 1000
    of_day, of_week = hour % 24, (hour // 24 + 3) % 7  # the epoch began on a Thursday
    return int(_shape(profile, own, noise, of_day, of_week))


def _idles(profile: str, at: datetime, idle_from: str) -> bool:
    return profile == "idle" or (bool(idle_from) and at.isoformat() >= idle_from)


def _shape(profile: str, own: float, noise: float, hour: int, day: int) -> float:
    working = day < 5 and 7 <= hour < 18
    if profile == "busy":
        return 45 + 30 * own + 20 * noise
    if profile == "office-hours":
        return 35 + 30 * own + 30 * noise if working else 2 + 3 * noise
    if profile == "light":  # far more than it needs
        return 4 + 3 * own + 6 * noise if working else 2 + 2 * noise
    if profile == "nightly":
        return 60 + 35 * noise if 1 <= hour < 5 else 1 + 3 * noise
    return 70 + 25 * own if noise > 0.93 else 3 + 8 * noise  # spiky


WINDOW = 300
"""Seconds that a sample covers."""


class Use(NamedTuple):
    """What a machine used in a window."""

    ref: str
    ended_at: datetime
    cpu_seconds: float
    memory_mib: int
    read_bytes: int
    written_bytes: int
    received_bytes: int
    sent_bytes: int


def use(row: sqlite3.Row, *, seed: int, now: datetime) -> Use:
    """In the last whole window."""
    return used(row, seed=seed, ended_at=datetime.fromtimestamp(int(now.timestamp() // WINDOW) * WINDOW, UTC))


def used(row: sqlite3.Row | Mapping[str, Any], *, seed: int, ended_at: datetime, seconds: int = WINDOW) -> Use:
    """Follows from seed, machine and window, as the use of its processor does; busy machines read and send more.

    The window lies within one hour.
    """
    began_at, uuid = ended_at - timedelta(seconds=seconds), row["uuid"]
    percent = cpu_percent(seed=seed, uuid=uuid, profile=row["profile"], at=began_at, idle_from=row["idle_from"])
    dice = zlib.crc32(f"{seed}:{uuid}:{ended_at.timestamp()}".encode())
    # Of what idles, the processors that its system itself takes: few, however many it has.
    idles = _idles(row["profile"], began_at, row["idle_from"])
    processors = (5 + dice % 25) / 1000 if idles else percent / 100 * row["vcpus"]
    parts = [(dice >> shift) % 256 * 1024 * (1 + percent) * seconds // WINDOW for shift in (0, 8, 16, 24)]
    own = zlib.crc32(uuid.encode()) % 20
    share = 15 + own // 2 + dice % 5 if row["profile"] == "light" else 55 + own + percent * 15 // 100 + dice % 5
    return Use(row["ref"], ended_at, processors * seconds, row["memory_mib"] * share // 100, *parts)
