"""Use over the hours of a week."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import mean

import pytest

from hypervisors.simulated.datacentre import DataCentre
from hypervisors.simulated.usage import PROFILES, Use, cpu_percent

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)


def week(profile: str, **more: str) -> list[int]:
    hours = [MONDAY + timedelta(hours=hour) for hour in range(7 * 24)]
    return [cpu_percent(seed=1, uuid="u", profile=profile, at=hour, **more) for hour in hours]


@pytest.mark.parametrize("profile", PROFILES)
def test_use_is_a_percentage(profile: str) -> None:
    assert all(0 <= percent <= 100 for percent in week(profile))


@pytest.mark.parametrize("profile", PROFILES)
def test_use_is_the_same_whenever_asked(profile: str) -> None:
    assert week(profile) == week(profile)


def test_idle_stays_below_two_percent() -> None:
    assert max(week("idle")) < 2


def test_office_hours_rest_at_the_weekend() -> None:
    use = week("office-hours")

    assert mean(use[: 5 * 24]) > 2 * mean(use[5 * 24 :])


def test_nightly_works_at_night() -> None:
    use = week("nightly")

    assert min(use[1:5]) > 50 > max(use[5:25])


def test_spiky_peaks_now_and_then() -> None:
    assert 0 < sum(percent > 60 for percent in week("spiky")) < 40


def test_busy_until_it_idles() -> None:
    use = week("busy", idle_from=(MONDAY + timedelta(days=2)).isoformat())

    assert min(use[:48]) > 40
    assert max(use[48:]) < 2


def test_light_leaves_most_of_it_unused() -> None:
    assert 5 < max(week("light")) < 15


HOUR = timedelta(hours=1)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[dict[str, list[Use]]]:
    """A week of four machines with 16 vCPUs and 64 GiB; one was made on Wednesday, one is off."""
    centre = DataCentre(tmp_path / "a.dc.sqlite3", clock=lambda: MONDAY + timedelta(days=7))
    size = {"vcpus": 16, "memory_mib": 65_536, "created_at": MONDAY}
    names = {
        centre.make_machine_by_hand("busy", profile="busy", **size): "busy",
        centre.make_machine_by_hand("idle", profile="idle", **size): "idle",
        centre.make_machine_by_hand("light", profile="light", **size | {"created_at": MONDAY + 49 * HOUR}): "light",
        centre.make_machine_by_hand("off", power="off", **size): "off",
    }
    yield {names[ref]: uses for ref, uses in centre.history(MONDAY, MONDAY + timedelta(days=7))}
    centre.close()


def test_history_has_every_hour_since_a_machine_was_made(told: dict[str, list[Use]]) -> None:
    assert {name: len(uses) for name, uses in told.items()} == {"busy": 168, "idle": 168, "light": 119}
    assert (told["busy"][0].ended_at, told["busy"][-1].ended_at) == (MONDAY + HOUR, MONDAY + timedelta(days=7))


def test_what_idles_takes_little_however_large_it_is(told: dict[str, list[Use]]) -> None:
    assert max(use.cpu_seconds for use in told["idle"]) < 0.03 * 3600
    assert max(use.read_bytes + use.written_bytes for use in told["idle"]) < 100 * 1024 * 3600


def test_history_is_what_a_machine_would_have_told(told: dict[str, list[Use]]) -> None:
    assert all(0.45 * 16 * 3600 <= use.cpu_seconds <= 16 * 3600 for use in told["busy"])
    assert all(0.55 * 65_536 <= use.memory_mib <= 65_536 for use in told["busy"])
    assert all(use.memory_mib < 0.3 * 65_536 for use in told["light"])
