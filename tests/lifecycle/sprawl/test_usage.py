"""Days of use, judged by the limits of each pool."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lifecycle.estate.models import Machine, UsageDay, UsageHour
from lifecycle.estate.usage.rolling import midnight
from lifecycle.sprawl.models import Threshold
from lifecycle.sprawl.usage import roll_up
from tests.lifecycle.factories import make_machine, make_pool
from tests.lifecycle.sprawl.days import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def machine() -> Machine:
    """A week and a day of it, all at exactly 50 thousandths of a processor."""
    machine = make_machine(pool=make_pool())
    UsageHour.objects.bulk_create(
        UsageHour(machine=machine, hour=midnight(NOW.date()) - timedelta(hours=hours), seconds=300, cpu_ms=50 * 300)
        for hours in range(1, 9 * 24 + 1)
    )
    return machine


def quiet_hours() -> set[int]:
    return set(UsageDay.objects.values_list("quiet_hours", flat=True))


def test_usual_limits_judge_where_no_others_are_set(machine):
    assert roll_up(NOW) == 7
    assert quiet_hours() == {0}


@pytest.mark.parametrize(("value", "quiet"), [(50, 0), (51, 24)])
def test_a_limit_for_all_that_changes_judges_the_week_anew(machine, value, quiet):
    roll_up(NOW)
    Threshold.objects.create(name="idle_cpu_milli", value=value)

    assert roll_up(NOW) == 7
    assert quiet_hours() == {quiet}


def test_a_pool_judges_its_own(machine):
    Threshold.objects.create(name="idle_cpu_milli", value=100)
    Threshold.objects.create(name="idle_cpu_milli", value=50, pool=machine.pool)
    roll_up(NOW)

    assert quiet_hours() == {0}


def test_limits_of_other_things_change_nothing(machine):
    roll_up(NOW)
    Threshold.objects.create(name="snapshot_days", value=50)

    assert roll_up(NOW) == 0  # nothing of today or of a yesterday that just ended


def test_what_is_too_old_goes_with_it(machine):
    roll_up(NOW)

    assert UsageHour.objects.count() == 7 * 24
