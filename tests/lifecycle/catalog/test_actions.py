"""What administrators do to the catalogue: checked as a whole, recorded with the change, and never by others."""

import pytest

from lifecycle.audit.models import Entry
from lifecycle.catalog import actions
from lifecycle.catalog.models import Blueprint, Size
from lifecycle.catalog.queries import offered
from lifecycle.errors import Forbidden, InvalidMany
from tests.lifecycle.factories import make_image

GIB = 1024


def _terms(world, **changes):
    return {
        "name": "Trial", "image": world.blueprint.image, "pool": world.blueprint.pool, "sizes": [world.small],
        "default_days": 7, "max_days": 14, "grace_days": 3,
    } | changes  # fmt: skip


def test_a_size_is_added_and_recorded(world):
    size = actions.create_size(name="Tiny", vcpus=1, memory_mib=512, disk_mib=10 * GIB, by=world.admin)

    assert Size.objects.get(name="Tiny") == size
    entry = Entry.objects.get(verb="size.added")
    assert (entry.actor_id, entry.object_id, entry.detail["memory_mib"]) == (world.admin.pk, size.pk, 512)


def test_all_that_is_wrong_with_a_size_is_said_at_once_and_nothing_stays(world):
    with pytest.raises(InvalidMany) as caught:
        actions.create_size(name="", vcpus=0, memory_mib=1, disk_mib=1, by=world.admin)

    assert set(caught.value.problems) == {"name", "vcpus", "memory_mib", "disk_mib"}
    assert not Entry.objects.filter(verb__startswith="size.").exists()


def test_a_size_is_changed_and_only_a_real_change_is_recorded(world):
    actions.change_size(world.small, vcpus=4, name="Small", by=world.admin)
    actions.change_size(world.small, vcpus=4, by=world.admin)

    assert Size.objects.get(pk=world.small.pk).vcpus == 4
    assert Entry.objects.get(verb="size.changed").detail["changed"] == ["vcpus"]


def test_a_size_may_not_take_anothers_name(world):
    with pytest.raises(InvalidMany) as caught:
        actions.change_size(world.small, name="Large", by=world.admin)

    assert "name" in caught.value.problems
    assert Size.objects.get(pk=world.small.pk).name == "Small"


def test_a_blueprint_is_added_with_its_sizes(world):
    blueprint = actions.create_blueprint(**_terms(world), by=world.admin)

    assert list(blueprint.sizes.all()) == [world.small]
    assert Entry.objects.get(verb="blueprint.added").detail["sizes"] == ["Small"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sizes": []}, "sizes"),
        ({"default_days": 20}, ""),
        ({"grace_days": 0}, "grace_days"),
        ({"warn_days": [1, 3]}, "warn_days"),
        ({"name": "Debian 12"}, "name"),
        ({"approval": "somebody"}, "approval"),
    ],
)
def test_a_blueprint_that_cannot_be_is_refused(world, changes, field):
    with pytest.raises(InvalidMany) as caught:
        actions.create_blueprint(**_terms(world, **changes), by=world.admin)

    assert field in caught.value.problems
    assert Blueprint.objects.count() == 1


def test_image_and_pool_stand_on_one_endpoint(world):
    with pytest.raises(InvalidMany) as caught:
        actions.create_blueprint(**_terms(world, image=make_image()), by=world.admin)

    assert "pool" in caught.value.problems


def test_the_image_must_fit_on_every_size(world):
    image = make_image(world.endpoint, disk_mib=50 * GIB)

    with pytest.raises(InvalidMany) as caught:
        actions.create_blueprint(**_terms(world, image=image, sizes=[world.small, world.large]), by=world.admin)

    assert "Small" in caught.value.problems["sizes"] and "Large" not in caught.value.problems["sizes"]


def test_retiring_takes_it_out_of_what_can_be_ordered(world):
    actions.change_blueprint(world.blueprint, offered=False, by=world.admin)

    assert not offered().exists()
    assert Entry.objects.get(verb="blueprint.changed").detail["changed"] == ["offered"]


def test_other_sizes_are_a_change_and_the_same_ones_are_none(world):
    both = list(world.blueprint.sizes.all())

    actions.change_blueprint(world.blueprint, sizes=both, by=world.admin)
    assert not Entry.objects.filter(verb="blueprint.changed").exists()
    actions.change_blueprint(world.blueprint, sizes=[world.large], by=world.admin)

    assert list(world.blueprint.sizes.all()) == [world.large]
    assert Entry.objects.get(verb="blueprint.changed").detail["changed"] == ["sizes"]


def test_a_refused_change_leaves_terms_and_sizes_alone(world):
    with pytest.raises(InvalidMany):
        actions.change_blueprint(world.blueprint, sizes=[world.large], max_days=1, by=world.admin)

    world.blueprint.refresh_from_db()
    assert (world.blueprint.max_days, world.blueprint.sizes.count()) == (90, 2)


def test_nobody_else_changes_the_catalogue(world):
    acts = (
        lambda: actions.create_size(name="Mine", vcpus=1, memory_mib=512, disk_mib=512, by=world.approver),
        lambda: actions.change_size(world.small, vcpus=64, by=world.approver),
        lambda: actions.create_blueprint(**_terms(world), by=world.approver),
        lambda: actions.change_blueprint(world.blueprint, approval="none", by=world.approver),
    )
    for act in acts:
        with pytest.raises(Forbidden):
            act()
