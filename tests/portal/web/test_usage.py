"""What a machine used, on its page."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from lifecycle import clock
from lifecycle.estate.models import Machine, UsageDay
from portal.web.charts import bars
from portal.web.usage import Use
from tests.lifecycle.world import World


@pytest.fixture
def machine(world: World) -> Machine:
    return world.machine(size=world.large)


def page_of(client: Client, world: World, machine: Machine) -> str:
    client.force_login(world.owner)
    return client.get(reverse("machine", args=[machine.pk])).content.decode()


def measure(machine: Machine, **more: int | None) -> None:
    """Yesterday: a quarter of its processors."""
    fields = {"hours": 24, "quiet_hours": 0, "cpu_milli": machine.vcpus * 250, "cpu_top_milli": machine.vcpus * 500}
    day = clock.now().astimezone(UTC).date() - timedelta(days=1)
    UsageDay.objects.create(machine=machine, day=day, **fields | {"memory_top_mib": 3072} | more)


def test_use_is_drawn_and_stands_in_a_table(client: Client, world: World, machine: Machine) -> None:
    measure(machine, io_kib_s=12, net_kib_s=None)
    text = page_of(client, world, machine)

    assert "25 % on average in the last 30 days, 50 % in the busiest hour" in text
    assert '<td class="num">25 %</td>' in text
    assert text.count("not measured") == 29
    assert "12 KiB a second" in text
    assert "Network, on average" not in text


def test_nothing_is_said_of_what_nobody_measured(client: Client, world: World, machine: Machine) -> None:
    assert "Use in the last 30 days" not in page_of(client, world, machine)


def test_little_looks_like_little(client: Client, world: World, machine: Machine) -> None:
    measure(machine, cpu_milli=machine.vcpus, cpu_top_milli=machine.vcpus)
    client.force_login(world.owner)
    use: Use = client.get(reverse("machine", args=[machine.pk])).context["page"].use
    drawn = bars(use.chart)

    assert [line.word for line in drawn.lines] == ["0", "25", "50", "75", "100"]
    assert float(drawn.shapes[-2].height) == pytest.approx(96 * 0.001, abs=0.01)
    assert drawn.rows[-2].value == "0.1 %"


def test_a_busy_hour_beyond_all_processors_has_room(client: Client, world: World, machine: Machine) -> None:
    """Hypervisors count processors that run faster than they say."""
    measure(machine, cpu_milli=machine.vcpus * 1100)
    client.force_login(world.owner)
    use: Use = client.get(reverse("machine", args=[machine.pk])).context["page"].use

    assert float(bars(use.chart).shapes[-2].y) >= 0
