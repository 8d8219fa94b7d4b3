"""The catalogue's pages: only administrators, decimal prices, GiB, days as text, and refusals at their fields."""

import pytest

from lifecycle import clock
from lifecycle.catalog.models import Blueprint, Size
from lifecycle.estate.models import Meter
from lifecycle.money import calendar
from lifecycle.money.models import RateCard
from tests.lifecycle.factories import make_image


def _blueprint(world, **changes):
    return {
        "name": "Debian trial", "summary": "Short-lived", "image": world.blueprint.image_id,
        "pool": world.blueprint.pool_id, "sizes": [world.small.pk], "approval": "none", "default_days": 7,
        "max_days": 14, "grace_days": 3, "restore_days": 7, "warn_days": "3, 1", "icon": "", "position": 9,
        "offered": "on",
    } | changes  # fmt: skip


def _size(**changes):
    return {"name": "Tiny", "vcpus": 1, "memory_mib": "0.5", "disk_mib": "10"} | changes


def _card(**changes):
    month = calendar.next_month(calendar.month_of(clock.now()))
    prices = {"vcpu": "7.30", "memory_mib": "1.909375", "disk_mib": "0.16"}
    return {"name": "next", "valid_from": month.isoformat()} | prices | changes


PATHS = ["", "blueprints/new/", "blueprints/{b}/", "sizes/new/", "sizes/{s}/", "rates/new/"]


@pytest.mark.parametrize("path", PATHS)
def test_pages_are_for_administrators(client, world, path):
    path = "/catalogue/" + path.format(b=world.blueprint.pk, s=world.small.pk)

    for person, status in ((world.admin, 200), (world.approver, 403), (world.stranger, 403)):
        client.force_login(person)
        assert client.get(path).status_code == status


@pytest.mark.parametrize("path", PATHS[1:])
def test_acts_are_for_administrators(client, world, path):
    client.force_login(world.approver)
    before = RateCard.objects.count()

    path = "/catalogue/" + path.format(b=world.blueprint.pk, s=world.small.pk)
    assert client.post(path, _blueprint(world) | _size() | _card()).status_code == 403

    assert (Blueprint.objects.count(), Size.objects.count(), RateCard.objects.count()) == (1, 2, before)


@pytest.mark.parametrize("count", [1, 3])
def test_the_catalogue_asks_the_same_number_of_questions(client, world, count, django_assert_num_queries):
    client.force_login(world.admin)
    for number in range(count - 1):
        client.post("/catalogue/blueprints/new/", _blueprint(world, name=f"Blueprint {number}"))
        client.post("/catalogue/sizes/new/", _size(name=f"Size {number}"))

    with django_assert_num_queries(17):
        assert len(client.get("/catalogue/").context["blueprints"]) == count


def test_a_blueprint_is_added(client, world):
    client.force_login(world.admin)

    assert client.post("/catalogue/blueprints/new/", _blueprint(world)).url == "/catalogue/"

    made = Blueprint.objects.get(name="Debian trial")
    assert (made.warn_days, made.icon, made.approval) == ([3, 1], "server", "none")
    assert list(made.sizes.all()) == [world.small]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "cannot be blank"),
        ("name", "Debian 12", "already exists"),
        ("sizes", [], "Choose at least one size."),
        ("warn_days", "soon", "Write whole days"),
        ("warn_days", "1, 3", "earliest"),
        ("grace_days", "0", "greater than or equal to 1"),
        ("image", "999", "Select a valid choice"),
    ],
)
def test_what_is_wrong_with_a_blueprint_stands_at_its_field(client, world, field, value, words):
    client.force_login(world.admin)

    answer = client.post("/catalogue/blueprints/new/", _blueprint(world, **{field: value}))

    assert answer.status_code == 422
    assert words in str(answer.context["form"].errors[field])
    assert Blueprint.objects.count() == 1


def test_a_pool_of_another_endpoint_is_refused(client, world):
    client.force_login(world.admin)

    answer = client.post("/catalogue/blueprints/new/", _blueprint(world, image=make_image().pk))

    assert "another endpoint" in str(answer.context["form"].errors["pool"])


def test_a_blueprint_is_retired_by_not_offering_it(client, world):
    client.force_login(world.admin)
    path = f"/catalogue/blueprints/{world.blueprint.pk}/"
    assert b'value="14, 7, 3, 1"' in client.get(path).content

    client.post(path, _blueprint(world, name="Debian 12", offered=""))

    world.blueprint.refresh_from_db()
    assert not world.blueprint.offered
    assert b"Retired" in client.get("/catalogue/").content


def test_sizes_are_in_gib_on_the_page_and_in_mib_underneath(client, world):
    client.force_login(world.admin)

    assert client.post("/catalogue/sizes/new/", _size()).status_code == 302

    made = Size.objects.get(name="Tiny")
    assert (made.memory_mib, made.disk_mib) == (512, 10_240)
    assert b'value="0.5"' in client.get(f"/catalogue/sizes/{made.pk}/").content


@pytest.mark.parametrize(
    ("field", "value"), [("name", "Small"), ("vcpus", "0"), ("memory_mib", "-1"), ("disk_mib", ""), ("vcpus", "99999")]
)
def test_what_is_wrong_with_a_size_stands_at_its_field(client, world, field, value):
    client.force_login(world.admin)

    answer = client.post("/catalogue/sizes/new/", _size(**{field: value}))

    assert answer.status_code == 422
    assert answer.context["form"].errors[field]


def test_a_rate_card_is_published_exactly_as_written(client, world):
    client.force_login(world.admin)

    assert client.post("/catalogue/rates/new/", _card()).status_code == 302

    rates = dict(RateCard.objects.get(name="next").rates.values_list("meter", "micros"))
    assert rates == {Meter.VCPU: 7_300_000, Meter.MEMORY: 1_909_375, Meter.DISK: 160_000}
    assert b"next follows" in client.get("/catalogue/").content


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("vcpu", "-1", "Between zero"),
        ("vcpu", "7,30", "Not a price"),
        ("vcpu", "NaN", "Between zero"),
        ("vcpu", "1e99", "Between zero"),
        ("memory_mib", "0.0000001", "At most six places."),
        ("name", " ", "needs a name"),
        ("valid_from", "2001-01-01", "Select a valid choice"),
    ],
)
def test_what_is_wrong_with_a_rate_card_stands_at_its_field(client, world, field, value, words):
    client.force_login(world.admin)

    answer = client.post("/catalogue/rates/new/", _card(**{field: value}))

    assert answer.status_code == 422
    assert words in str(answer.context["form"].errors[field])
    assert not RateCard.objects.filter(name="next").exists()


def test_a_month_that_has_a_card_is_refused_at_its_field(client, world):
    client.force_login(world.admin)
    client.post("/catalogue/rates/new/", _card())

    answer = client.post("/catalogue/rates/new/", _card(name="other"))

    assert answer.status_code == 422
    assert "Another rate card starts in this month" in str(answer.context["form"].errors["valid_from"])


def test_without_prices_the_catalogue_says_so(client, world):
    RateCard.objects.all().delete()
    client.force_login(world.admin)

    assert b"No prices are in force." in client.get("/catalogue/").content
    assert client.post("/catalogue/").status_code == 405
