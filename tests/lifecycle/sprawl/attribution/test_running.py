"""When it is worked out whose machines might be, and what does not hang on it."""

import pytest

from lifecycle import tasks
from lifecycle.estate.models import Machine
from lifecycle.people.imports import apply_import, try_import, undo_import
from lifecycle.people.models import User
from lifecycle.sprawl.models import EstateRule, Finding, HolderCandidate
from tests.lifecycle.factories import make_admin
from tests.lifecycle.sprawl.attribution.bench import found_of, make_house, stray

pytestmark = pytest.mark.django_db


def test_a_look_says_whose_what_it_found_might_be(world):
    world.dc.make_machine_by_hand("stray", created_by="CORP\\lena")

    tasks.sync_endpoint(world.endpoint.pk)

    assert HolderCandidate.objects.get(machine__name="stray").person == world.owner


def test_a_look_marks_what_rules_say_before_it_looks_for_orphans(world):
    EstateRule.objects.create(
        name="VDI", effect="managed", machine_name="vdi-*", managed_by="Horizon", made_at="2026-01-01T00:00Z"
    )
    world.dc.make_machine_by_hand("vdi-1", created_by="lena")

    tasks.sync_endpoint(world.endpoint.pk)

    assert Machine.objects.get(name="vdi-1").managed_rule == "Horizon"
    assert not Finding.objects.filter(machine__name="vdi-1").exists()
    assert not HolderCandidate.objects.exists()


def test_the_regular_pass_marks_and_attributes(db):
    house = make_house()
    old = stray(created_by="akaya", first_seen_at="2020-01-01T00:00Z")
    stray("vdi-1", created_by="akaya")
    EstateRule.objects.create(
        name="VDI", effect="managed", machine_name="vdi-*", managed_by="Horizon", made_at="2026-01-01T00:00Z"
    )

    tasks.attribute_machines()

    assert [(row.machine, row.person) for row in HolderCandidate.objects.all()] == [(old, house.aylin)]


def test_whoever_is_only_a_candidate_is_not_kept_when_a_list_is_undone(db):
    admin = make_admin()
    kept = try_import(b"username\nnora-nowak\n", file_name="a.csv", by=admin)
    apply_import(kept, by=admin)
    machine = stray(created_by="nora-nowak")
    assert found_of(machine)

    undo_import(kept, by=admin)

    assert not User.objects.filter(username="nora-nowak").exists()
    assert found_of(machine) == []
