"""The pages of disk files that nothing uses, and the same over the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from lifecycle import clock
from lifecycle.estate.models import Datastore, DiskFile, Endpoint
from lifecycle.models import Entry, Operation
from lifecycle.sprawl.files import clockwork, proof
from tests.lifecycle.factories import make_disk_file
from tests.lifecycle.sprawl.files import PATH, leave, other_view
from tests.lifecycle.world import World

TRANSACTIONS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")


@pytest.fixture
def admin(world: World) -> Client:
    client = Client()
    client.force_login(world.admin)
    return client


def again(file: DiskFile) -> DiskFile:
    return DiskFile.objects.select_related("datastore__endpoint").get(pk=file.pk)


def retired(world: World, admin: Client) -> DiskFile:
    file = leave(world)
    admin.post(f"/sprawl/disks/{file.pk}/rename/", {"reason": "Nobody knows it"})
    world.work_off()
    return again(file)


def test_the_list_shows_the_largest_first_and_why_the_rest_is_not_proven(world: World, admin: Client) -> None:
    small = leave(world)
    large = make_disk_file(world.endpoint, size_mib=800_000, looks=1)
    proof.settle(clock.now())

    page = admin.get("/sprawl/disks/")

    assert [row.file for row in page.context["rows"]] == [large, small]
    assert (page.context["sums"].proven.files, page.context["sums"].doubtful.files) == (1, 1)
    assert [code for code, _words, _amount in page.context["reasons"]] == ["looks"]
    assert "not enough looks in a row found it" in page.content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=proven", ["proven"]),
        ("state=doubtful", ["doubtful"]),
        ("doubt=looks", ["doubtful"]),
        ("doubt=days", []),
        ("state=waiting", ["waiting"]),
        ("state=ended", ["ended"]),
        ("state=nonsense", ["doubtful", "proven", "waiting"]),
    ],
)
def test_the_list_can_be_narrowed(world: World, admin: Client, query: str, found: list[str]) -> None:
    make_disk_file(world.endpoint, name="proven")
    make_disk_file(world.endpoint, name="doubtful", doubt="looks")
    make_disk_file(world.endpoint, name="waiting", state="retired", retired_at=clock.now())
    gone = {"gone_at": clock.now(), "end": "removed", "retired_at": clock.now(), "state": "removed"}
    make_disk_file(world.endpoint, name="ended", **gone)

    page = admin.get(f"/sprawl/disks/?{query}")

    assert sorted(row.file.name for row in page.context["rows"]) == found


def test_the_list_is_narrowed_to_an_endpoint_and_a_datastore(world: World, admin: Client) -> None:
    here = make_disk_file(world.endpoint)
    there = other_view(here)
    DiskFile.objects.filter(pk=there.pk).update(leads=True)

    for query, wanted in (
        (f"endpoint={world.endpoint.pk}", here),
        (f"endpoint={there.datastore.endpoint_id}", there),
        (f"datastore={here.datastore_id}", here),
    ):
        assert [row.file for row in admin.get(f"/sprawl/disks/?{query}").context["rows"]] == [wanted]


@pytest.mark.parametrize("count", [1, 30])
def test_the_list_asks_the_same_whatever_lies_about(world: World, admin: Client, settings, count: int) -> None:
    settings.CLOCK_SHIFTABLE = False
    for _number in range(count):
        make_disk_file(world.endpoint, doubt="looks")

    with CaptureQueriesContext(connection) as captured:
        admin.get("/sprawl/disks/")

    assert sum(not query["sql"].startswith(TRANSACTIONS) for query in captured.captured_queries) == 12


def test_a_file_is_renamed_set_a_day_for_and_had_back(world: World, admin: Client) -> None:
    file = leave(world)
    assert "Rename and wait" in admin.get(f"/sprawl/disks/{file.pk}/").content.decode()
    assert "It is proven." in admin.get(f"/sprawl/disks/{file.pk}/").content.decode()

    assert admin.post(f"/sprawl/disks/{file.pk}/rename/", {"reason": ""}).status_code == 422
    assert admin.post(f"/sprawl/disks/{file.pk}/rename/", {"reason": "Nobody knows it"}).status_code == 302
    world.work_off()
    page = admin.get(f"/sprawl/disks/{file.pk}/").content.decode()
    assert "It will be removed on" in page
    assert "Rename and wait" not in page
    answer = admin.post(f"/sprawl/disks/{file.pk}/day/", {"day": str(world.day(40)), "reason": "Audit"})
    assert answer.status_code == 302
    removal = again(file).remove_at
    assert removal
    assert removal.astimezone(world.admin.tz).date() == world.day(40)
    assert admin.post(f"/sprawl/disks/{file.pk}/keep/").status_code == 302
    world.work_off()
    assert again(file).name == PATH
    history = admin.get(f"/sprawl/disks/{file.pk}/").content.decode()
    assert "had old/left.vmdk renamed before its removal" in history


def test_a_day_before_the_wait_is_over_is_refused(world: World, admin: Client) -> None:
    file = retired(world, admin)

    answer = admin.post(f"/sprawl/disks/{file.pk}/day/", {"day": str(world.day(3)), "reason": "Quick"}, follow=True)

    assert again(file).remove_at == file.remove_at
    assert "Choose a day between" in answer.content.decode()


def test_what_is_not_proven_shows_its_reasons_and_no_button(world: World, admin: Client) -> None:
    file = leave(world)
    view = other_view(file, looks=1)
    Endpoint.objects.filter(pk=view.datastore.endpoint_id).update(failing_since=clock.now())

    page = admin.get(f"/sprawl/disks/{file.pk}/").content.decode()

    assert "Luebeck mounts its storage and does not answer." in page
    assert "Not enough looks in a row have found it without a user." in page
    assert "Rename and wait" not in page


def test_due_and_not_proven_it_says_that_it_waits(world: World, admin: Client) -> None:
    file = retired(world, admin)
    clock.move_to(clock.now() + timedelta(days=15))

    assert clockwork.advance() == 0

    assert "Its removal is due and waits." in admin.get(f"/sprawl/disks/{file.pk}/").content.decode()


def test_the_word_for_a_storage_is_given_and_taken_back(world: World, admin: Client) -> None:
    file = leave(world)
    Datastore.objects.update(shared=True)
    assert "Others may" in admin.get("/sprawl/storage/").content.decode()

    admin.post(f"/sprawl/storage/{file.datastore_id}/word/", {"known": "yes", "reason": "All are here"})

    assert again(file).datastore.all_known
    assert "Vouched for" in admin.get("/sprawl/storage/").content.decode()
    admin.post(f"/sprawl/storage/{file.datastore_id}/word/", {"known": "no", "reason": "One is not"})
    assert not again(file).datastore.all_known
    assert Entry.objects.filter(verb="datastore.word_withdrawn", reason="One is not").exists()


def test_operations_name_the_file(world: World, admin: Client) -> None:
    retired(world, admin)
    operation = Operation.objects.get()

    assert PATH in admin.get("/operations/").content.decode()
    assert PATH in admin.get(f"/operations/{operation.pk}/").content.decode()
    told = admin.get(f"/api/v1/operations/{operation.pk}/").json()
    assert (told["machine"], told["disk_file"], told["disk_file_name"]) == (None, operation.disk_file_id, PATH)


def test_names_from_the_hypervisor_are_shown_as_text(world: World, admin: Client) -> None:
    file = make_disk_file(world.endpoint, name="<script>alert(1)</script>.vmdk")

    for path in ("/sprawl/disks/", f"/sprawl/disks/{file.pk}/"):
        page = admin.get(path).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_the_api_does_the_same(world: World, admin: Client) -> None:
    file = leave(world)
    proof.settle(clock.now())
    api = f"/api/v1/disk-files/{file.pk}"
    (listed,) = admin.get("/api/v1/disk-files/?state=proven").json()["results"]
    assert (listed["id"], listed["name"], listed["doubt"]) == (file.pk, PATH, "")
    assert admin.get(f"{api}/proof/").json() == {
        "proven": True,
        "doubts": [],
        "sights": [{"datastore": listed["datastore"], "looks": 3}],
    }

    answer = admin.post(f"{api}/rename/", {"reason": "Nobody knows it"}, content_type="application/json")

    assert (answer.status_code, answer.json()["kind"]) == (202, "retire_file")
    world.work_off()
    day = {"day": str(world.day(40)), "reason": "Audit"}
    assert admin.post(f"{api}/day/", day, content_type="application/json").status_code == 200
    assert admin.post(f"{api}/keep/").json()["state"] == "restoring"


def test_the_api_tells_why_it_is_not_proven(world: World, admin: Client) -> None:
    file = leave(world)
    other_view(file, looks=1)

    told = admin.get(f"/api/v1/disk-files/{file.pk}/proof/").json()

    assert not told["proven"]
    sentence = "Not enough looks in a row have found it without a user."
    assert told["doubts"] == [{"code": "looks", "words": sentence}]
    refused = admin.post(
        f"/api/v1/disk-files/{file.pk}/rename/", {"reason": "Nobody knows it"}, content_type="application/json"
    )
    assert refused.status_code == 409
