"""Looks that could not read all, and endpoints that do not answer: nothing is lost, nothing counts as missing."""

import pytest

from lifecycle.estate.models import Endpoint, Machine, Meter, Span, Stage
from lifecycle.estate.sync import sync
from tests.lifecycle.factories import make_span, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everything")]


@pytest.fixture
def held(centre, endpoint):
    """A leased machine that runs, is metered, and was seen once."""
    centre.make_machine_by_hand("web")
    sync(endpoint)
    Machine.objects.update(stage=Stage.ACTIVE, holder=make_user())
    machine = Machine.objects.get()
    for meter in Meter:
        make_span(machine, meter)
    return machine


def _delete(centre, held):
    centre.delete_by_hand(held.native_ref)


def _open(machine) -> int:
    return Span.objects.filter(machine=machine, ended_at=None).count()


def test_partial_scan_misses_nothing(centre, endpoint, held):
    centre.add_fault("list_machines", "denied")
    result = sync(endpoint)
    held.refresh_from_db()
    endpoint.refresh_from_db()
    assert (result.answered, result.complete, result.missed) == (True, False, 0)
    assert (held.scans_missed, held.missing_since) == (0, None)
    assert "machines could not be read" in endpoint.scan_error
    assert endpoint.scans == 1


def test_partial_scan_writes_what_it_saw(centre, endpoint, held):
    centre.add_fault("list_networks", "denied")
    centre.change_by_hand(held.native_ref, name="renamed")
    sync(endpoint)
    held.refresh_from_db()
    assert held.name == "renamed"


def test_partial_scan_flags_no_part_as_gone(centre, endpoint, held):
    centre.add_fault("list_networks", "denied")
    sync(endpoint)
    assert endpoint.networks.get().gone is False


def test_partial_scan_does_not_break_a_row_of_misses(centre, endpoint, held):
    _delete(centre, held)
    sync(endpoint)
    centre.add_fault("list_hosts", "denied")
    sync(endpoint)
    sync(endpoint)
    assert Machine.objects.get().scans_missed == 2


def test_complete_scan_clears_the_gaps(centre, endpoint, held):
    centre.add_fault("list_networks", "denied")
    sync(endpoint)
    sync(endpoint)
    endpoint.refresh_from_db()
    assert endpoint.scan_error == ""


def test_unreachable_endpoint_keeps_its_rows(centre, endpoint, held):
    centre.go_offline()
    result = sync(endpoint)
    held.refresh_from_db()
    endpoint.refresh_from_db()
    assert (result.answered, result.error) == (False, "The data centre does not answer.")
    assert (held.scans_missed, _open(held)) == (0, 3)
    assert endpoint.failing_since is not None
    assert endpoint.scan_error == "The data centre does not answer."


def test_unreachable_endpoint_recovers_with_its_next_answer(centre, endpoint, held):
    centre.go_offline()
    sync(endpoint)
    centre.come_back()
    sync(endpoint)
    endpoint.refresh_from_db()
    assert (endpoint.failing_since, endpoint.scan_error, endpoint.failures) == (None, "", 0)


def test_endpoint_that_breaks_in_the_middle_changes_nothing(centre, endpoint, held):
    _delete(centre, held)
    centre.add_fault("list_machines", "unreachable")
    assert sync(endpoint).answered is False
    assert Machine.objects.get().scans_missed == 0


def test_endpoint_whose_file_is_elsewhere_is_reported(endpoint):
    Endpoint.objects.update(path="/etc/passwd")
    endpoint.refresh_from_db()
    assert sync(endpoint).answered is False


def test_broken_row_costs_only_itself(centre, endpoint, held):
    """Its reference cannot be stored; the others are."""
    other = centre.make_machine_by_hand("other")
    centre.make_machine_by_hand("broken")
    with centre.storage.write() as db:
        db.execute("UPDATE machines SET ref = ? WHERE name = 'broken'", ("x" * 300,))
    result = sync(endpoint)
    assert Machine.objects.filter(native_ref=other).exists()
    assert (result.answered, Machine.objects.count(), len(result.notes)) == (True, 2, 1)


def test_broken_numbers_are_bounded(centre, endpoint):
    ref = centre.make_machine_by_hand("web", disks_mib=())
    with centre.storage.write() as db:
        db.execute("UPDATE machines SET vcpus = -4, memory_mib = ? WHERE ref = ?", (2**63 - 1, ref))
    sync(endpoint)
    assert Machine.objects.get().vcpus == 0


def test_broken_row_is_not_missing(centre, endpoint, held):
    """The database refuses its new facts, but it was seen."""
    with centre.storage.write() as db:
        db.execute("UPDATE machines SET name = CAST(x'00' AS TEXT), power = 'warp' WHERE ref = ?", (held.native_ref,))
    sync(endpoint)
    held.refresh_from_db()
    assert (held.name, held.power, held.scans_missed) == (held.native_ref, "unknown", 0)
