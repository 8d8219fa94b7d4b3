"""From a row to a connection: what is watched is never changed, and broken connections are not kept."""

import threading

import pytest

from hypervisors.contract import PowerOff
from hypervisors.errors import ObserveOnly, Unreachable
from lifecycle import clock
from lifecycle.errors import Invalid
from lifecycle.estate.connections import connect, target, validate_target
from lifecycle.estate.models import Endpoint
from tests.lifecycle.factories import make_endpoint

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("mode", "asked", "read_only"),
    [
        (Endpoint.Mode.OBSERVE, None, True),
        (Endpoint.Mode.OBSERVE, False, True),
        (Endpoint.Mode.MANAGE, None, False),
        (Endpoint.Mode.MANAGE, False, False),
        (Endpoint.Mode.MANAGE, True, True),
    ],
)
def test_target_of_a_watched_endpoint_is_read_only(mode, asked, read_only):
    endpoint = Endpoint(kind="kvm", address="kvm.example.org", mode=mode)
    assert target(endpoint, read_only=asked).read_only is read_only


def test_target_gives_the_clock_to_simulated_ones_only(centre):
    assert target(Endpoint(kind="simulated", path=centre.path)).clock is clock.now
    assert target(Endpoint(kind="kvm", address="kvm.example.org")).clock is None


def test_target_finds_a_simulated_file_by_its_name(centre):
    assert target(Endpoint(kind="simulated", path="north.dc.sqlite3")).path == centre.path


def test_target_refuses_a_link_out_of_the_folder(centre, simulated_dir, tmp_path_factory):
    (simulated_dir / "link.dc.sqlite3").symlink_to(tmp_path_factory.mktemp("elsewhere") / "x.dc.sqlite3")
    with pytest.raises(Invalid):
        target(Endpoint(kind="simulated", path="link.dc.sqlite3"))


def test_target_keeps_the_secret_out_of_its_text():
    assert "hush" not in repr(target(Endpoint(kind="kvm", address="kvm.example.org", secret="hush")))


def test_validate_target_refuses_an_unknown_kind():
    with pytest.raises(Invalid) as refusal:
        validate_target(Endpoint(kind="abacus"))
    assert refusal.value.field == "kind"


def test_connect_to_a_watched_endpoint_changes_nothing(centre, endpoint):
    endpoint.mode = Endpoint.Mode.OBSERVE
    ref = centre.make_machine_by_hand("web")
    with pytest.raises(ObserveOnly), connect(endpoint, read_only=False) as hypervisor:
        hypervisor.submit(PowerOff(ref))
    assert centre.calls(changing=True) == []


def test_connect_keeps_the_connection(endpoint):
    with connect(endpoint) as first, connect(endpoint) as second:
        assert first is second


def test_connect_keeps_reading_and_changing_apart(endpoint):
    with connect(endpoint) as changing, connect(endpoint, read_only=True) as reading:
        assert changing is not reading


def test_connect_after_a_change_of_the_endpoint_is_new(endpoint):
    with connect(endpoint) as first:
        pass
    endpoint.username = "other"
    with connect(endpoint) as second:
        assert second is not first
        assert second.target.username == "other"


def test_connect_after_an_outage_is_new(centre, endpoint):
    centre.go_offline()
    with pytest.raises(Unreachable), connect(endpoint) as first:
        first.check()
    with connect(endpoint) as second:
        assert second is not first


def test_connect_in_another_thread_is_another_connection(endpoint):
    found = []

    def work():
        with connect(Endpoint(pk=endpoint.pk, kind="simulated", path=endpoint.path)) as hypervisor:
            found.append(hypervisor)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    with connect(endpoint, read_only=True) as mine:
        assert mine is not found[0]


def test_connect_of_two_endpoints_is_not_mixed_up(centre, endpoint):
    other = make_endpoint(path=centre.path)
    with connect(endpoint) as first, connect(other) as second:
        assert first is not second
