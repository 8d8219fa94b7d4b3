"""Endpoints: seen, added, changed, switched and scanned by administrators only; their secrets are never shown."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hypervisors.simulated.datacentre import DataCentre
from lifecycle.audit.models import Entry
from lifecycle.estate.models import Endpoint, Scan
from tests.lifecycle.factories import make_endpoint

OBSERVE, MANAGE = Endpoint.Mode.OBSERVE, Endpoint.Mode.MANAGE


def _new(world, **changes):
    """What the page for a new endpoint sends."""
    folder = Path(world.dc.path).parent
    DataCentre(folder / "lab.dc.sqlite3").close()
    return {"kind": "simulated", "name": "Lab", "path": str(folder / "lab.dc.sqlite3"), "secret": "s3cret"} | changes


def _access(endpoint, **changes):
    return {"part": "access", "name": endpoint.name, "path": endpoint.path, "username": endpoint.username} | changes


def test_the_list_says_mode_and_health(client, world):
    make_endpoint("Silent", failing_since=datetime.now(UTC), mode=OBSERVE)
    make_endpoint("Old", scanned_at=datetime.now(UTC) - timedelta(hours=3))
    client.force_login(world.admin)

    page = client.get("/endpoints/").content.decode()

    for words in ("Hamburg", "Answers", "Does not answer", "Scan is old", "Manage", "Observe"):
        assert words in page


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_asks_the_same_number_of_questions(client, world, count, django_assert_num_queries):
    for _number in range(count - 1):
        make_endpoint()
    client.force_login(world.admin)

    with django_assert_num_queries(9):
        assert len(client.get("/endpoints/").context["states"]) == count


@pytest.mark.parametrize("path", ["", "new/", "{}/", "{}/change/", "{}/mode/"])
def test_pages_are_for_administrators(client, world, path):
    path = "/endpoints/" + path.format(world.endpoint.pk)

    for person, status in ((world.admin, 200), (world.approver, 403), (world.stranger, 403)):
        client.force_login(person)
        assert client.get(path).status_code == status


@pytest.mark.parametrize("path", ["new/", "{}/change/", "{}/mode/", "{}/scan/"])
def test_acts_are_for_administrators(client, world, path):
    client.force_login(world.approver)

    sent = {"mode": "observe", "reason": "x", "part": "limits", "name": "Mine", "kind": "simulated"}
    assert client.post("/endpoints/" + path.format(world.endpoint.pk), sent).status_code == 403

    world.endpoint.refresh_from_db()
    assert (world.endpoint.mode, world.endpoint.name, Endpoint.objects.count()) == (MANAGE, "Hamburg", 1)


def test_a_look_under_way_shows_how_far_it_is_and_is_stopped_once(client, world):
    now = datetime.now(UTC)
    scan = Scan.objects.create(
        endpoint=world.endpoint, mode=Scan.Mode.FULL, began_at=now, beat_at=now, total=5000, written=1250
    )
    client.force_login(world.admin)
    path = f"/endpoints/{world.endpoint.pk}/"

    page = client.get(path).content.decode()
    first = client.post(f"{path}stop/")
    again = client.post(f"{path}stop/")

    assert "1,250 of 5,000 machines" in page and f'hx-get="{path}looks/"' in page
    assert (first.status_code, again.status_code) == (302, 302)
    assert Entry.objects.filter(verb="endpoint.scan_stop_asked").count() == 1
    assert "It stops in a moment" in client.get(f"{path}looks/").content.decode()
    Scan.objects.filter(pk=scan.pk).update(state=Scan.State.STOPPED, ended_at=now)
    assert "hx-get" not in client.get(f"{path}looks/").content.decode()
    assert client.post(f"{path}stop/").status_code == 409


def test_a_new_endpoint_is_only_observed_and_its_secret_never_shown(client, world):
    client.force_login(world.admin)

    answer = client.post("/endpoints/new/", _new(world, mode="manage"))

    made = Endpoint.objects.get(name="Lab")
    assert answer.url == f"/endpoints/{made.pk}/"
    assert (made.mode, made.reveal_secret()) == (OBSERVE, "s3cret")
    for path in (f"/endpoints/{made.pk}/", f"/endpoints/{made.pk}/change/", "/endpoints/", "/audit/"):
        assert b"s3cret" not in client.get(path).content


def test_a_refused_form_keeps_its_values_but_the_secret(client, world):
    client.force_login(world.admin)

    answer = client.post("/endpoints/new/", _new(world, name="Hamburg"))

    assert answer.status_code == 422
    assert "name" in answer.context["form"].errors
    assert b"lab.dc.sqlite3" in answer.content and b"s3cret" not in answer.content


def test_a_path_outside_the_folder_is_refused_at_its_field(client, world):
    client.force_login(world.admin)

    answer = client.post("/endpoints/new/", _new(world, path="/etc/passwd"))

    assert answer.status_code == 422
    assert answer.context["form"].errors["path"]


def test_a_new_address_asks_for_the_secret_again(client, world):
    endpoint = world.endpoint
    endpoint.secret = "s3cret"
    endpoint.save()
    client.force_login(world.admin)
    url = f"/endpoints/{endpoint.pk}/change/"

    refused = client.post(url, _access(endpoint, username="other"))
    assert refused.status_code == 422
    assert refused.context["form"].errors["secret"]

    assert client.post(url, _access(endpoint, username="other", secret="new")).status_code == 302
    endpoint.refresh_from_db()
    assert (endpoint.username, endpoint.reveal_secret()) == ("other", "new")


def test_a_new_name_keeps_the_secret(client, world):
    endpoint = world.endpoint
    endpoint.secret, endpoint.ca_pem = "s3cret", "-----BEGIN\nabc\n-----END\n"
    endpoint.save()
    client.force_login(world.admin)

    sent = _access(endpoint, name="Hamburg 1", ca_pem=endpoint.ca_pem.replace("\n", "\r\n"))
    assert client.post(f"/endpoints/{endpoint.pk}/change/", sent).status_code == 302

    endpoint.refresh_from_db()
    assert (endpoint.name, endpoint.reveal_secret()) == ("Hamburg 1", "s3cret")


def test_limits_are_set_and_checked(client, world):
    client.force_login(world.admin)
    url = f"/endpoints/{world.endpoint.pk}/change/"
    sent = {"part": "limits", "limits-blast_count": 3, "limits-blast_percent": 10, "limits-parallel": 2}

    assert client.post(url, sent).status_code == 302
    wrong = client.post(url, sent | {"limits-blast_percent": 0})

    assert wrong.status_code == 422
    assert wrong.context["limits"].errors["blast_percent"]
    world.endpoint.refresh_from_db()
    assert (world.endpoint.blast_count, world.endpoint.blast_percent, world.endpoint.parallel) == (3, 10, 2)


def test_managing_needs_a_reason_and_says_what_follows(client, world):
    endpoint = make_endpoint("Lab", mode=OBSERVE)
    client.force_login(world.admin)
    url = f"/endpoints/{endpoint.pk}/mode/"

    assert b"builds, starts, stops and removes" in client.get(url).content
    assert client.post(url, {"mode": "manage", "reason": " "}).status_code == 422
    assert client.post(url, {"mode": "manage", "reason": "The trial went well"}).status_code == 302

    endpoint.refresh_from_db()
    assert endpoint.mode == MANAGE
    assert Entry.objects.get(verb="endpoint.mode_set").reason == "The trial went well"


def test_only_observing_again_is_done_at_once_and_twice_changes_nothing(client, world):
    client.force_login(world.admin)
    url = f"/endpoints/{world.endpoint.pk}/mode/"

    for _time in range(2):
        assert client.post(url, {"mode": "observe"}).status_code == 302

    world.endpoint.refresh_from_db()
    assert world.endpoint.mode == OBSERVE
    assert Entry.objects.filter(verb="endpoint.mode_set").count() == 1


def test_a_scan_is_asked_for_and_recorded(client, world, django_capture_on_commit_callbacks):
    client.force_login(world.admin)
    url = f"/endpoints/{world.endpoint.pk}/scan/"

    with django_capture_on_commit_callbacks(execute=True) as asked:
        assert client.post(url).status_code == 302

    assert len(asked) == 1
    assert Entry.objects.filter(verb="endpoint.scan_asked", actor_id=world.admin.pk).count() == 1
    assert client.get(url).status_code == 405


def test_text_of_the_endpoint_is_text(client, world):
    Endpoint.objects.update(version="<b>7</b>", scan_error="<script>alert(1)</script>", failing_since=datetime.now(UTC))
    client.force_login(world.admin)

    page = client.get(f"/endpoints/{world.endpoint.pk}/").content

    assert b"<b>7" not in page and b"<script>alert" not in page
    assert client.get("/endpoints/999/").status_code == 404


@pytest.mark.parametrize(
    ("kind", "there", "not_there"),
    [
        ("vmware", ["vCenter", "Account", "Password", "443, unless"], ["id_transport", "id_path"]),
        ("xen", ["Host of the pool", "Account", "Password", "443, unless"], ["id_transport", "id_path"]),
        (
            "kvm",
            ["Hosts", "kvm-1.example.org, kvm-2.example.org", "Sockets", "16514", "id_transport"],
            ["vsphere.local"],
        ),
        ("simulated", ["id_path", "bremen.dc.sqlite3"], ["id_address", "id_username", "id_ca_pem"]),
        ("no-such-kind", ["id_path"], ["id_address"]),
    ],
)
def test_the_form_asks_for_what_a_kind_has(client, world, kind, there, not_there):
    client.force_login(world.admin)

    page = client.get(f"/endpoints/new/?kind={kind}").content.decode()

    assert [words for words in there if words not in page] == []
    assert [words for words in not_there if words in page] == []


def test_the_form_of_an_endpoint_that_is_there_is_that_of_its_kind(client, world):
    rack = make_endpoint("Rack", kind="kvm", transport="tls", address="kvm-1.example.org, kvm-2.example.org")
    client.force_login(world.admin)

    page = client.get(f"/endpoints/{rack.pk}/change/").content.decode()

    assert "kvm-1.example.org, kvm-2.example.org" in page
    assert '<textarea name="secret"' in page


def test_a_key_in_lines_is_taken_whole_and_never_comes_back(client, world):
    """A field of one line would swallow the line breaks of a certificate."""
    client.force_login(world.admin)
    sent = {
        "kind": "kvm",
        "name": "",
        "transport": "unix",
        "path": "/run/libvirt/libvirt-sock",
        "secret": "s3cret\nkey",
    }

    answer = client.post("/endpoints/new/", sent)

    assert answer.status_code == 422
    assert b"s3cret" not in answer.content
    assert b"/run/libvirt/libvirt-sock" in answer.content


def test_a_check_says_who_answers_and_what_its_kind_can_do(client, world):
    client.force_login(world.admin)
    world.endpoint.secret = "s3cret"
    world.endpoint.mode = OBSERVE
    world.endpoint.save()

    answer = client.post(f"/endpoints/{world.endpoint.pk}/check/")

    page = answer.content.decode()
    assert (answer.status_code, answer.context["report"].ok) == (200, True)
    assert "It can be worked with" in page and "Progress of copying in percent" in page
    assert "s3cret" not in page
    world.endpoint.refresh_from_db()
    assert world.endpoint.mode == OBSERVE


def test_a_check_of_what_does_not_answer_says_so(client, world):
    gone = make_endpoint("Gone", path="no-such-file.dc.sqlite3", secret="s3cret")
    client.force_login(world.admin)

    answer = client.post(f"/endpoints/{gone.pk}/check/")

    assert (answer.status_code, answer.context["report"].ok) == (200, False)
    assert b"Not as it is" in answer.content
    assert b"s3cret" not in answer.content
    gone.refresh_from_db()
    assert (gone.failures, gone.scan_error) == (0, "")
