"""What machines use: samples become hours, once, and hours become days."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hypervisors.contract import UsageSample
from hypervisors.simulated.datacentre import DataCentre
from lifecycle import clock
from lifecycle.estate.models import Endpoint, Machine, Power, UsageDay, UsageHour, UsageMark, UsageRoll
from lifecycle.estate.usage import collect, rolling
from lifecycle.estate.usage.days import Hour, Quiet, day_of, percentile
from lifecycle.estate.usage.hours import Running, add
from lifecycle.estate.usage.samples import Mark, Refused, Size, Use, read, shares
from tests.lifecycle.factories import make_machine, make_pool, utc

NOON = utc("2026-11-20 12:00")
SIZE = Size(vcpus=4, memory_mib=8192)
KIB = 1024
QUIET = Quiet(cpu_milli=40, cpu_percent=5, io_kib=100, net_kib=200)


def window(at: datetime = NOON, **changes: Any) -> UsageSample:
    """Five minutes, ten seconds of a processor, 3000 KiB read and written, 600 received and sent."""
    fields: dict[str, Any] = {
        "seconds": 300.0, "cpu_seconds": 10.0, "memory_mib": 1000, "read_bytes": 1000 * KIB,
        "written_bytes": 2000 * KIB, "received_bytes": 200 * KIB, "sent_bytes": 400 * KIB,
    }  # fmt: skip
    return UsageSample("vm-1", at, **fields | changes)


def counter(at: datetime = NOON, **changes: Any) -> UsageSample:
    return window(at, **{"seconds": None} | changes)


def first(sample: UsageSample, **more: Any) -> Use | None:
    return read(sample, size=SIZE, mark=more.get("mark"), now=more.get("now", NOON))[0]


# One sample


def test_a_window_is_what_it_says():
    assert first(window()) == Use(NOON - timedelta(minutes=5), NOON, 10_000, 1000, 3000, 600)


def test_the_same_window_adds_nothing():
    _use, mark = read(window(), size=SIZE, mark=None, now=NOON)

    assert read(window(), size=SIZE, mark=mark, now=NOON) == (None, mark)


def test_an_older_window_adds_nothing():
    assert first(window(NOON - timedelta(minutes=1)), mark=Mark(NOON)) is None


def test_of_an_overlapping_window_only_the_later_part_counts():
    use = first(window(), mark=Mark(NOON - timedelta(minutes=2)))

    assert use == Use(NOON - timedelta(minutes=2), NOON, 4000, 1000, 1200, 240)


def test_counters_need_a_second_sample():
    use, mark = read(counter(), size=SIZE, mark=None, now=NOON)

    assert use is None
    assert mark == Mark(NOON, 10_000, 3000 * KIB, 600 * KIB)


def test_counters_are_compared_with_the_sample_before():
    mark = Mark(NOON - timedelta(minutes=10), 4000, 1000 * KIB, 600 * KIB)

    assert first(counter(), mark=mark) == Use(NOON - timedelta(minutes=10), NOON, 6000, 1000, 2000, 0)


@pytest.mark.parametrize(
    "mark", [Mark(NOON, 10_001, 0, 0), Mark(NOON, 0, 3000 * KIB + 1, 0), Mark(NOON, 0, 0, 600 * KIB + 1)]
)
def test_a_smaller_amount_means_that_it_was_started_anew(mark):
    later = NOON + timedelta(minutes=5)
    use, after = read(counter(later), size=SIZE, mark=mark, now=later)

    assert use is None
    assert after == Mark(later, 10_000, 3000 * KIB, 600 * KIB)


@pytest.mark.parametrize(("minutes", "counts"), [(120, True), (121, False)])
def test_nobody_knows_when_it_was_used_within_a_long_gap(minutes, counts):
    mark = Mark(NOON - timedelta(minutes=minutes), 0, 0, 0)

    assert (first(counter(), mark=mark) is not None) is counts


def test_counters_after_windows_begin_anew():
    assert first(counter(), mark=Mark(NOON - timedelta(minutes=5))) is None


def test_half_of_the_disk_s_amounts_say_nothing_about_the_disk():
    use = first(window(written_bytes=None, sent_bytes=None))

    assert use is not None
    assert (use.io_kib, use.net_kib) == (None, None)


HOSTILE = {
    "no CPU": {"cpu_seconds": None},
    "negative CPU": {"cpu_seconds": -1.0},
    "not a number": {"cpu_seconds": float("nan")},
    "endless CPU": {"cpu_seconds": float("inf")},
    "text": {"cpu_seconds": "10"},
    "truth": {"cpu_seconds": True},
    "more CPU than there is": {"cpu_seconds": 300.0 * 4 * 2 + 1},
    "negative bytes": {"read_bytes": -1},
    "broken bytes": {"sent_bytes": 1.5},
    "more bytes than any disk": {"read_bytes": 300 * 101 * 1024**3},
    "more than a column holds": {"received_bytes": 2**70},
    "negative memory": {"memory_mib": -1},
    "more memory than there is": {"memory_mib": 2 * 8192 + 1},
    "no window": {"seconds": 0.0},
    "backward window": {"seconds": -300.0},
    "endless window": {"seconds": float("inf")},
    "a window of a day": {"seconds": 86_400.0},
}


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE)
def test_what_cannot_be_is_refused(changes):
    with pytest.raises((Refused, TypeError)):
        first(window(**changes))


@pytest.mark.parametrize("off", [timedelta(hours=1, seconds=1), -timedelta(days=1, seconds=1)])
def test_a_time_far_from_ours_is_refused(off):
    with pytest.raises(Refused):
        first(window(NOON + off))


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(Refused):
        first(window(NOON.replace(tzinfo=None)))


def test_counters_may_be_large_where_their_difference_is_not():
    mark = Mark(NOON - timedelta(minutes=5), 9_999_990_000, 2**50 + 2000 * KIB - 5 * KIB, 600 * KIB)
    use = first(counter(cpu_seconds=10_000_000.0, read_bytes=2**50), mark=mark)

    assert use is not None
    assert (use.cpu_ms, use.io_kib) == (10_000, 5)


def test_a_difference_that_cannot_be_is_refused():
    with pytest.raises(Refused):
        first(counter(cpu_seconds=5000.0), mark=Mark(NOON - timedelta(minutes=5), 0, 0, 0))


# Hours


def test_a_window_within_an_hour_is_one_share():
    assert [(one.hour, one.seconds) for one in shares(Use(NOON, NOON + timedelta(minutes=5), 1, None, 1, 1))] == [
        (NOON, 300)
    ]


def test_a_window_that_ends_with_the_hour_stays_in_it():
    use = Use(NOON - timedelta(minutes=5), NOON, 1, None, 1, 1)

    assert [one.hour for one in shares(use)] == [NOON - timedelta(hours=1)]


def test_a_window_over_the_hour_is_parted_in_proportion():
    use = Use(NOON - timedelta(minutes=1), NOON + timedelta(minutes=4), 10_001, 700, 101, None)
    before, after = shares(use)

    assert (before.hour, before.seconds, before.cpu_ms, before.io_kib) == (NOON - timedelta(hours=1), 60, 2000, 20)
    assert (after.hour, after.seconds, after.cpu_ms, after.io_kib) == (NOON, 240, 8001, 81)
    assert {before.memory_mib, after.memory_mib} == {700}
    assert {before.net_kib, after.net_kib} == {None}


def test_no_second_is_lost_over_many_hours():
    use = Use(NOON - timedelta(minutes=77), NOON + timedelta(minutes=31, seconds=7), 999_999, None, 12_345, 3)
    parts = list(shares(use))

    assert [part.hour for part in parts] == [NOON + timedelta(hours=hour) for hour in (-2, -1, 0)]
    assert sum(part.cpu_ms for part in parts) == 999_999
    assert sum(part.io_kib for part in parts if part.io_kib) == 12_345
    assert sum(part.seconds for part in parts) == 108 * 60 + 7


@pytest.fixture
def machine(db) -> Machine:
    return make_machine(native_ref="vm-1", vcpus=4, memory_mib=8192)


def write(machine: Machine, *samples: UsageSample, now: datetime = NOON) -> int:
    return add(machine.endpoint, samples, {"vm-1": Running(machine.pk, SIZE)}, now)


def test_samples_of_an_hour_are_added_up(machine):
    write(machine, window(NOON + timedelta(minutes=5)))
    write(machine, window(NOON + timedelta(minutes=10), memory_mib=1200), now=NOON + timedelta(minutes=10))
    write(machine, window(NOON + timedelta(minutes=15), memory_mib=900), now=NOON + timedelta(minutes=15))
    row = UsageHour.objects.get()

    assert (row.hour, row.seconds, row.cpu_ms, row.memory_mib) == (NOON, 900, 30_000, 1200)
    assert (row.io_kib, row.net_kib) == (9000, 1800)


def test_asking_twice_adds_once(machine):
    assert [write(machine, window()), write(machine, window()), write(machine, window(), window())] == [1, 0, 0]
    assert UsageHour.objects.get().cpu_ms == 10_000


def test_what_one_part_of_the_hour_does_not_tell_the_hour_does_not(machine):
    write(machine, window(NOON + timedelta(minutes=5)))
    write(machine, window(NOON + timedelta(minutes=10), read_bytes=None), now=NOON + timedelta(minutes=10))
    row = UsageHour.objects.get()

    assert (row.io_kib, row.net_kib) == (None, 1200)


def test_a_broken_sample_costs_itself_only(machine):
    other = make_machine(endpoint=machine.endpoint, native_ref="vm-2")
    asked = {"vm-1": Running(machine.pk, SIZE), "vm-2": Running(other.pk, SIZE)}
    broken = window(cpu_seconds=float("nan"))

    assert add(machine.endpoint, [broken, replace(window(), ref="vm-2")], asked, NOON) == 1
    assert list(UsageHour.objects.values_list("machine", flat=True)) == [other.pk]
    assert list(UsageMark.objects.values_list("machine", flat=True)) == [other.pk]


def test_a_restart_and_a_gap_leave_what_was_counted(machine):
    at = [NOON + timedelta(minutes=minute) for minute in (0, 5, 10, 15, 200, 205)]
    counted = [100.0, 110.0, 3.0, 8.0, 500.0, 507.0]  # started anew before the third; away before the fifth
    for moment, cpu in zip(at, counted, strict=True):
        write(machine, counter(moment, cpu_seconds=cpu), now=moment)

    assert dict(UsageHour.objects.values_list("hour", "cpu_ms")) == {NOON: 15_000, NOON + timedelta(hours=3): 7000}


def test_queries_do_not_depend_on_the_number_of_machines(db):
    def count(machines: int, at: datetime) -> int:
        made = [make_machine(endpoint=endpoint) for _ in range(machines)]
        asked = {one.native_ref: Running(one.pk, SIZE) for one in made}
        samples = [replace(window(at), ref=ref) for ref in asked]
        with CaptureQueriesContext(connection) as captured:
            add(endpoint, samples, asked, at)
        return len(captured)

    endpoint = make_machine().endpoint
    assert count(1, NOON) == count(30, NOON)


# Asking


def running(endpoint: Endpoint, centre: DataCentre, **facts: Any) -> Machine:
    """Made at the data centre's console, and known here."""
    ref = centre.make_machine_by_hand("busy", vcpus=4, profile="busy", **facts)
    return make_machine(endpoint=endpoint, native_ref=ref, vcpus=4, memory_mib=4096)


def test_collecting_writes_what_the_data_centre_tells(centre: DataCentre, endpoint: Endpoint):
    machine = running(endpoint, centre)
    result = collect(endpoint)
    row = UsageHour.objects.get()

    assert (result.answered, result.asked, result.added) == (True, 1, 1)
    assert (row.machine, row.seconds) == (machine, 300)
    assert 0.4 * 4 * 300_000 < row.cpu_ms <= 4 * 300_000
    assert row.io_kib is not None
    assert Endpoint.objects.get().usage_at is not None


@time_machine.travel("2026-11-20 12:04:59+00:00", tick=False)
def test_collecting_twice_in_a_window_adds_once(centre: DataCentre, endpoint: Endpoint):
    running(endpoint, centre)

    assert [collect(endpoint).added, collect(endpoint).added] == [1, 0]
    assert UsageHour.objects.get().seconds == 300


def test_windows_that_follow_each_other_fill_the_hour(centre: DataCentre, endpoint: Endpoint):
    running(endpoint, centre)
    for minute in range(5, 65, 5):
        with time_machine.travel(NOON + timedelta(minutes=minute, seconds=30), tick=False):
            collect(endpoint)

    assert UsageHour.objects.values_list("hour", "seconds").get() == (NOON, 3600)


def test_an_endpoint_that_does_not_answer_costs_nothing(centre: DataCentre, endpoint: Endpoint):
    running(endpoint, centre)
    centre.go_offline()
    result = collect(endpoint)

    assert (result.answered, bool(result.error)) == (False, True)
    assert Endpoint.objects.get().usage_at is None
    centre.come_back()
    assert collect(endpoint).added == 1


def test_a_resting_endpoint_is_left_alone(centre: DataCentre, endpoint: Endpoint):
    endpoint.rests_until = datetime.now(UTC) + timedelta(seconds=60)
    calls = len(centre.calls())

    assert not collect(endpoint).answered
    assert len(centre.calls()) == calls


@pytest.mark.parametrize("facts", [{"power": Power.OFF}, {"missing_since": NOON}, {"stage": "removed"}])
def test_only_running_machines_are_asked_about(centre: DataCentre, endpoint: Endpoint, facts: dict[str, Any]):
    machine = running(endpoint, centre)
    Machine.objects.filter(pk=machine.pk).update(**facts)

    assert collect(endpoint).asked == 0


# Days


def hour(cpu_milli: float = 10, **changes: Any) -> Hour:
    fields = {"seconds": 3600, "memory_mib": 500, "io_kib": 3600, "net_kib": 3600} | changes
    return Hour(fields["seconds"], int(cpu_milli * fields["seconds"]), *(fields[n] for n in Hour._fields[2:]))


@pytest.mark.parametrize(
    ("one", "vcpus", "quiet"),
    [
        (hour(39.999), 4, True),
        (hour(40), 4, False),
        (hour(24.999), 0.5, True),
        (hour(25), 0.5, False),  # five percent of half a processor
        (hour(39), 0, True),  # of how many vCPUs is not known
        (hour(io_kib=100 * 3600 - 1), 4, True),
        (hour(io_kib=100 * 3600), 4, False),
        (hour(net_kib=200 * 3600 - 1), 4, True),
        (hour(net_kib=200 * 3600), 4, False),
        (hour(io_kib=None, net_kib=None), 4, True),
        (hour(41, io_kib=None, net_kib=None), 4, False),
    ],
)
def test_an_hour_is_quiet_below_every_limit(one, vcpus, quiet):
    assert QUIET.fits(one, vcpus) is quiet


def test_a_day_is_made_of_its_hours():
    busy = [hour(cpu, memory_mib=memory) for cpu, memory in [(1000, 4000), (2000, 6000), (3000, 5000)]]
    day = day_of([hour() for _ in range(21)] + busy, vcpus=4, quiet=QUIET)

    assert day is not None
    assert (day.hours, day.quiet_hours) == (24, 21)
    assert (day.cpu_milli, day.cpu_p95_milli, day.cpu_top_milli) == (round(6210 / 24), 2000, 3000)
    assert (day.memory_p95_mib, day.memory_top_mib) == (5000, 6000)
    assert (day.io_kib_s, day.net_kib_s) == (1, 1)


@pytest.mark.parametrize(("seconds", "hours"), [(119, None), (120, 1)])
def test_an_hour_counts_once_two_minutes_of_it_were_measured(seconds, hours):
    day = day_of([hour(seconds=seconds)], vcpus=1, quiet=QUIET)

    assert (day and day.hours) == hours


def test_what_no_hour_tells_the_day_does_not():
    day = day_of([hour(memory_mib=None, io_kib=None, net_kib=None)], vcpus=1, quiet=QUIET)

    assert day is not None
    assert (day.memory_p95_mib, day.memory_top_mib, day.io_kib_s, day.net_kib_s) == (None,) * 4


@pytest.mark.parametrize(
    ("values", "found"), [([7], 7), (range(1, 21), 19), (range(1, 25), 23), (range(100, 0, -1), 95), ([5, 5, 5], 5)]
)
def test_the_percentile_is_the_nearest_rank(values, found):
    assert percentile(list(values)) == found


def make_hours(machine: Machine, day: date, cpu_milli: int = 10, *, hours: int = 24) -> None:
    UsageHour.objects.bulk_create(
        UsageHour(
            machine=machine, hour=rolling.midnight(day) + timedelta(hours=number), seconds=3600,
            cpu_ms=cpu_milli * 3600, memory_mib=500, io_kib=3600, net_kib=3600,
        )
        for number in range(hours)
    )  # fmt: skip


TODAY = NOON.date()


def roll(now: datetime = NOON, quiet: Quiet = QUIET) -> int:
    return rolling.roll_up(now, quiet=lambda pool: quiet, limits=str(quiet))


def test_the_first_time_all_days_that_have_hours_are_made(machine):
    for days in range(9):
        make_hours(machine, TODAY - timedelta(days=days))
    assert roll() == 8
    assert UsageDay.objects.latest("day").day == TODAY
    assert set(UsageDay.objects.values_list("hours", "quiet_hours", "cpu_milli")) == {(24, 24, 10)}


def test_later_times_make_today_and_a_yesterday_that_just_ended(machine):
    for days in range(3):
        make_hours(machine, TODAY - timedelta(days=days))
    roll()
    assert roll() == 1
    UsageRoll.objects.update(at=utc("2026-11-20 02:59"))
    assert roll() == 2


def test_rolling_twice_changes_nothing(machine):
    make_hours(machine, TODAY, hours=5)
    roll()
    before = list(UsageDay.objects.values())
    roll()

    assert list(UsageDay.objects.values()) == before


def test_hours_that_came_later_are_in_the_day(machine):
    make_hours(machine, TODAY, hours=5)
    roll()
    UsageHour.objects.filter(hour=rolling.midnight(TODAY)).update(cpu_ms=500 * 3600)
    roll()

    assert UsageDay.objects.values_list("quiet_hours", "cpu_top_milli").get() == (4, 500)


def test_other_limits_judge_anew_the_days_whose_hours_are_there(machine):
    make_hours(machine, TODAY - timedelta(days=7), cpu_milli=60)
    UsageDay.objects.create(machine=machine, day=TODAY - timedelta(days=8), hours=24, quiet_hours=0)
    roll()
    roll(quiet=replace(QUIET, cpu_milli=61))

    assert list(UsageDay.objects.order_by("day").values_list("quiet_hours", flat=True)) == [0, 24]


def test_each_machine_is_judged_by_its_pool(machine):
    pooled = make_machine(endpoint=machine.endpoint, pool=make_pool(machine.endpoint))
    for one in (machine, pooled):
        make_hours(one, TODAY, cpu_milli=60)
    rolling.roll_up(NOON, quiet=lambda pool: replace(QUIET, cpu_milli=100) if pool else QUIET, limits="")

    assert dict(UsageDay.objects.values_list("machine", "quiet_hours")) == {machine.pk: 0, pooled.pk: 24}


def test_hours_go_after_a_week_and_days_after_their_time(machine, settings):
    settings.USAGE_KEPT_DAYS = 30
    for days in (7, 8):
        make_hours(machine, TODAY - timedelta(days=days))
    for days in (30, 31):
        UsageDay.objects.create(machine=machine, day=TODAY - timedelta(days=days), hours=24, quiet_hours=0)

    assert rolling.sweep(NOON) == 24 + 1
    assert UsageHour.objects.earliest("hour").hour == rolling.midnight(TODAY - timedelta(days=7))
    assert UsageDay.objects.get().day == TODAY - timedelta(days=30)


def test_sweeping_goes_on_beyond_one_statement(machine, monkeypatch):
    monkeypatch.setattr(rolling, "SWEPT", 10)
    make_hours(machine, TODAY - timedelta(days=8))

    assert rolling.sweep(NOON) == 24


def test_days_of_many_machines_are_made_in_chunks(machine, monkeypatch):
    monkeypatch.setattr(rolling, "TOGETHER", 2)
    others = [make_machine(endpoint=machine.endpoint) for _ in range(5)]
    for one in (machine, *others):
        make_hours(one, TODAY, hours=2)

    assert roll() == 6


def test_from_the_data_centre_to_the_day(centre: DataCentre, endpoint: Endpoint):
    running(endpoint, centre)
    collect(endpoint)
    roll(clock.now())
    row = UsageDay.objects.latest("day")

    assert (row.hours, row.quiet_hours) == (1, 0)
    assert 1600 < row.cpu_milli <= 4000
