"""Use over the hours of a week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from statistics import mean

import pytest

from hypervisors.simulated.usage import PROFILES, cpu_percent

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
