"""The operations page: what waits and why, letting it pass, trying again, and the pause of everything."""

from datetime import UTC, datetime, timedelta

import pytest

from lifecycle import clock
from lifecycle.audit.models import Entry
from lifecycle.operations.models import Brake, Operation
from tests.lifecycle.factories import make_machine


def _work(world, *, machine=None, **fields):
    fields = {
        "machine": machine or make_machine(holder=world.owner, endpoint=world.endpoint),
        "endpoint": world.endpoint,
        "kind": Operation.Kind.SHUTDOWN,
        "purpose": Operation.Purpose.HOLDER,
        "key": f"test:{Operation.objects.count()}",
        "next_try_at": datetime.now(UTC),
        "created_at": clock.now(),
        "changed_at": clock.now(),
    } | fields
    return Operation.objects.create(**fields)


def _resting(world, **fields):
    later = datetime.now(UTC) + timedelta(minutes=1)
    return _work(world, waits_for="endpoint", attempt=4, next_try_at=later, **fields)


@pytest.mark.parametrize(
    ("waits_for", "words"),
    [
        ("paused", "Everything is paused."),
        ("observe", "Hamburg is only observed."),
        ("endpoint", "Hamburg does not answer."),
        ("busy", "Hamburg has enough to do."),
        ("blast_radius", "More removals within an hour than Hamburg allows."),
        ("scan", "before a complete scan of Hamburg"),
        ("portal", "went wrong on our side"),
        ("", "It is about to begin."),
    ],
)
def test_it_says_why_work_waits(client, world, waits_for, words):
    _work(world, waits_for=waits_for)
    client.force_login(world.admin)

    assert words in client.get("/operations/").content.decode()


def test_open_work_stands_before_ended_work(client, world):
    _work(world, machine=make_machine("ended-one"), state="succeeded", ended_at=clock.now())
    _work(world, machine=make_machine("open-one"))
    client.force_login(world.admin)

    context = client.get("/operations/").context

    assert [work.operation.machine.name for work in context["open"]] == ["open-one"]
    assert [work.operation.machine.name for work in context["ended"]] == ["ended-one"]


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_asks_the_same_number_of_questions(client, world, count, django_assert_num_queries):
    for _number in range(count):
        _work(world, asked_by=world.owner)
        _work(world, state="failed", ended_at=clock.now())
    client.force_login(world.admin)

    with django_assert_num_queries(9):
        client.get("/operations/")


def test_the_live_part_comes_without_the_page_and_asks_again(client, world):
    _work(world)
    client.force_login(world.admin)

    part = client.get("/operations/", headers={"HX-Request": "true"}).content.decode()

    assert "<html" not in part
    assert 'hx-trigger="every 3s"' in part


def test_the_hypervisors_own_words_are_text(client, world):
    _resting(world, native_error="<script>alert(1)</script>", error="<b>no</b>")
    client.force_login(world.admin)

    page = client.get("/operations/").content

    assert b"<script>alert" not in page and b"<b>no" not in page


@pytest.mark.parametrize("path", ["", "pause/", "{}/clear/"])
def test_pages_are_for_administrators(client, world, path):
    path = "/operations/" + path.format(_work(world).pk)

    for person, status in ((world.admin, 200), (world.approver, 403), (world.owner, 403)):
        client.force_login(person)
        assert client.get(path).status_code == status


@pytest.mark.parametrize("path", ["pause/", "resume/", "{}/clear/", "{}/retry/"])
def test_acts_are_for_administrators(client, world, path):
    operation = _work(world, waits_for="blast_radius", destructive=True)
    client.force_login(world.approver)

    assert client.post("/operations/" + path.format(operation.pk), {"reason": "x"}).status_code == 403
    assert not Brake.objects.exists()
    operation.refresh_from_db()
    assert operation.cleared_at is None


def test_removals_past_the_limit_are_let_pass_with_a_reason_and_once(client, world):
    operation = _work(world, kind=Operation.Kind.REMOVE, waits_for="blast_radius", destructive=True)
    client.force_login(world.admin)
    url = f"/operations/{operation.pk}/clear/"
    assert url in client.get("/operations/").content.decode()

    assert client.post(url, {"reason": ""}).status_code == 422
    assert client.post(url, {"reason": "End of the project"}).status_code == 302
    assert client.post(url, {"reason": "Again"}).status_code == 409

    operation.refresh_from_db()
    assert operation.cleared_at is not None
    assert Entry.objects.get(verb="operation.cleared").reason == "End of the project"


def test_work_that_rests_is_tried_at_once(client, world):
    operation = _resting(world)
    client.force_login(world.admin)
    url = f"/operations/{operation.pk}/retry/"
    assert url in client.get("/operations/").content.decode()

    assert client.get(url).status_code == 405
    assert client.post(url).status_code == 302

    operation.refresh_from_db()
    assert operation.next_try_at <= datetime.now(UTC)
    assert url not in client.get("/operations/").content.decode()


def test_what_has_ended_is_not_tried_again(client, world):
    operation = _work(world, state="failed", ended_at=clock.now())
    client.force_login(world.admin)

    assert client.post(f"/operations/{operation.pk}/retry/").status_code == 409
    assert client.post("/operations/999999/retry/").status_code == 404


def test_everything_pauses_with_a_reason_once_and_goes_on_once(client, world):
    client.force_login(world.admin)

    assert client.post("/operations/pause/", {"reason": " "}).status_code == 422
    assert client.post("/operations/pause/", {"reason": "Storage moves"}).status_code == 302
    assert client.post("/operations/pause/", {"reason": "Again"}).status_code == 409
    assert Brake.objects.get().reason == "Storage moves"

    assert client.get("/operations/resume/").status_code == 405
    assert client.post("/operations/resume/").status_code == 302
    assert client.post("/operations/resume/").status_code == 409
    assert not Brake.objects.exists()


def test_ended_work_goes_on_over_pages(client, world):
    machine = make_machine()
    for _number in range(51):
        _work(world, machine=machine, state="succeeded", ended_at=clock.now())
    client.force_login(world.admin)

    first = client.get("/operations/").context["page"]
    second = client.get("/operations/", {"page": first.next}).context

    assert (len(first.rows), len(second["page"].rows), second["open"]) == (50, 1, [])
    assert client.get("/operations/", {"page": "made-up"}).status_code == 422
