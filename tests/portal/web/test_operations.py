"""Operations: what waits and why, one of them, what a person decides about it, how the engine does, and the pause."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from lifecycle import clock
from lifecycle.audit.actions import record
from lifecycle.audit.models import Entry
from lifecycle.estate.models import Machine
from lifecycle.operations.models import Brake, Heartbeat, Operation
from lifecycle.requests import actions as requests
from tests.lifecycle.factories import make_endpoint, make_machine, make_user


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


def _running(world, **fields):
    return _work(world, **{"state": "running", "started_at": clock.now(), "attempt": 1} | fields)


def _resting(world, **fields):
    later = datetime.now(UTC) + timedelta(minutes=1)
    return _work(world, waits_for="endpoint", attempt=4, next_try_at=later, **fields)


@pytest.mark.parametrize(
    ("waits_for", "words"),
    [
        ("paused", "Everything is paused."),
        ("observe", "Hamburg is only observed."),
        ("endpoint", "Hamburg does not answer."),
        ("busy", "Hamburg could not take it on just now."),
        ("full", "Hamburg has as much under way as it may."),
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

    assert [work.operation.machine.name for work in context["list"].open] == ["open-one"]
    assert [work.operation.machine.name for work in context["list"].ended] == ["ended-one"]


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_asks_the_same_number_of_questions(client, world, count, settings, django_assert_num_queries):
    settings.CLOCK_SHIFTABLE = False  # as in production, where the clock is not asked for its shift
    for number in range(count):
        endpoint = make_endpoint(failing_since=clock.now(), failures=3)
        _work(world, asked_by=world.owner, endpoint=endpoint)
        _work(world, state="failed", ended_at=clock.now(), verdict="failed", verdict_by=world.admin)
        Heartbeat.objects.create(name=f"worker host-{number}", at=datetime.now(UTC))
    client.force_login(world.admin)

    with django_assert_num_queries(12):
        client.get("/operations/")


def test_machine_that_nothing_takes_further_is_named(client, world):
    """Only rows changed by hand can be so."""
    machine = world.machine("left-alone")
    client.force_login(world.admin)
    assert "no work is open" not in client.get("/operations/").content.decode()

    Machine.objects.filter(pk=machine.pk).update(stage="removing")

    assert "no work is open" in client.get("/operations/").content.decode()
    assert [each.pk for each in client.get("/operations/").context["list"].health.abandoned] == [machine.pk]


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_of_one_asks_the_same_number_of_questions(client, world, count, settings, django_assert_num_queries):
    settings.CLOCK_SHIFTABLE = False
    operation = _running(world, verdict="cancel", verdict_by=world.admin, verdict_reason="Twice")
    for _number in range(count):
        with transaction.atomic():
            record("operation.retried", operation, by=world.admin)
    client.force_login(world.admin)

    with django_assert_num_queries(8):
        client.get(f"/operations/{operation.pk}/")


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, ["waits", "runs", "broken", "stopped", "done"]),
        ({"state": "open"}, ["waits", "runs"]),
        ({"state": "waiting"}, ["waits"]),
        ({"state": "running"}, ["runs"]),
        ({"state": "failed"}, ["broken"]),
        ({"state": "ended"}, ["broken", "stopped", "done"]),
        ({"kind": "restart"}, ["runs"]),
        ({"state": "open", "kind": "shutdown"}, ["waits"]),
        ({"endpoint": "elsewhere"}, ["done"]),
        (
            {"state": "nonsense", "kind": "nonsense", "endpoint": "99999"},
            ["waits", "runs", "broken", "stopped", "done"],
        ),
    ],
)
def test_filters_stand_in_the_address(client, world, asked, names):
    elsewhere = make_endpoint("Bremen")
    _work(world, machine=make_machine("done"), state="succeeded", ended_at=clock.now(), endpoint=elsewhere)
    _work(world, machine=make_machine("stopped"), state="cancelled", ended_at=clock.now())
    _work(world, machine=make_machine("broken"), state="failed", ended_at=clock.now())
    _work(world, machine=make_machine("waits"))
    _running(world, machine=make_machine("runs"), kind="restart")
    client.force_login(world.admin)
    if asked.get("endpoint") == "elsewhere":
        asked = {"endpoint": elsewhere.pk}

    context = client.get("/operations/", asked).context

    assert [work.operation.machine.name for work in [*context["list"].open, *context["list"].ended]] == names


def test_what_is_live_keeps_the_filters(client, world):
    _work(world)
    client.force_login(world.admin)

    for headers in ({}, {"HX-Request": "true"}):
        text = client.get("/operations/?state=open&kind=shutdown", headers=headers).content.decode()
        assert 'hx-get="/operations/?state=open&amp;kind=shutdown"' in text


def test_what_waits_names_who_asked_and_how_often_it_was_tried(client, world):
    _resting(world, asked_by=world.owner)
    client.force_login(make_user("aurel", role="auditor"))

    row = client.get("/operations/").content.decode().partition("<tbody>")[2].partition("</tbody>")[0]

    assert "lena" in row
    assert '<td class="num">4</td>' in row
    assert "Next try" in row
    assert "/retry/" not in row


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


@pytest.mark.parametrize("path", ["", "pause/", "{}/", "{}/clear/", "{}/cancel/", "{}/resolve/"])
def test_pages_are_for_administrators(client, world, path):
    path = "/operations/" + path.format(_work(world).pk)

    for person, status in ((world.admin, 200), (world.approver, 403), (world.owner, 403)):
        client.force_login(person)
        assert client.get(path).status_code == status


@pytest.mark.parametrize("path", ["pause/", "resume/", "{}/clear/", "{}/retry/", "{}/cancel/", "{}/resolve/"])
def test_acts_are_for_administrators(client, world, path):
    operation = _work(world, waits_for="blast_radius", destructive=True)
    client.force_login(world.approver)

    given = {"reason": "x", "verdict": "failed"}
    assert client.post("/operations/" + path.format(operation.pk), given).status_code == 403
    assert not Brake.objects.exists()
    operation.refresh_from_db()
    assert (operation.cleared_at, operation.verdict) == (None, "")


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

    first = client.get("/operations/").context["list"].page
    second = client.get("/operations/", {"page": first.next}).context

    assert (len(first.rows), len(second["list"].page.rows), second["list"].open) == (50, 1, [])
    assert client.get("/operations/", {"page": "made-up"}).status_code == 422


def text_of(client, operation):
    return client.get(f"/operations/{operation.pk}/").content.decode()


def test_the_page_of_one_tells_its_facts_and_its_record(client, world):
    operation = _running(
        world, asked_by=world.owner, kind="create", purpose="order", step="copying", progress=40, attempt=3,
        handle={"task": "task-77"}, native_error="vim.fault.Busy", claimed_by="host-1:77:abc",
    )  # fmt: skip
    with transaction.atomic():
        record("operation.retried", operation, by=world.admin)
    client.force_login(world.admin)

    text = text_of(client, operation)

    for words in ("Copying the disk", "task: task-77", "vim.fault.Busy", "host-1:77", "ingrid had", "tried again at"):
        assert words in text
    assert 'hx-trigger="every 3s"' in text


def test_the_page_of_what_has_ended_asks_no_more(client, world):
    operation = _work(world, state="failed", ended_at=clock.now(), error="No room.", error_code="no_room")
    client.force_login(world.admin)

    text = text_of(client, operation)

    assert "No room." in text
    assert "hx-trigger" not in text
    assert f"/operations/{operation.pk}/cancel/" not in text


def test_who_was_contradicted_is_not_named_for_what_came_of_it(client, world):
    fields = {"verdict_by": world.admin, "verdict_reason": "It is there", "error": "No room.", "error_code": "no_room"}
    operation = _work(world, state="failed", ended_at=clock.now(), **fields)
    client.force_login(make_user("aurel", role="auditor"))

    assert "ingrid" not in text_of(client, operation)


@pytest.mark.parametrize(
    ("fields", "acts"),
    [
        ({"state": "waiting"}, {"cancel"}),
        ({"state": "waiting", "waits_for": "blast_radius"}, {"cancel", "clear"}),
        ({"kind": "create"}, {"cancel", "resolve"}),
        ({"kind": "restart"}, {"resolve"}),
        ({"kind": "create", "verdict": "cancel"}, {"resolve"}),
        ({"kind": "create", "verdict": "failed"}, set()),
        ({"kind": "create", "error_code": "no_room", "error": "No room."}, {"resolve"}),
        ({"state": "succeeded"}, set()),
    ],
)
def test_what_can_be_done_is_offered(client, world, fields, acts):
    operation = _running(world, **fields)
    client.force_login(world.admin)

    text = text_of(client, operation)

    offered = {act for act in ("cancel", "resolve", "clear", "retry") if f"/operations/{operation.pk}/{act}/" in text}
    assert offered == acts


def test_auditors_read_what_can_be_done_by_others_and_are_offered_nothing(client, world):
    operation = _running(world, kind="create", native_error="vim.fault.Busy")
    client.force_login(make_user("aurel", role="auditor"))

    text = text_of(client, operation)

    assert "vim.fault.Busy" in text
    assert f"/operations/{operation.pk}/cancel/" not in text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"verdict": "cancel"}, "ingrid cancelled it: “Ordered twice”. A worker carries that out"),
        ({"verdict": "done"}, "ingrid says that it is done: “Ordered twice”. Hamburg is asked"),
        ({"verdict": "failed"}, "ingrid gave it up: “Ordered twice”."),
        ({"error": "0 machines carry its stamp."}, "The hypervisor did not agree that it is done."),
        ({"error": "No room.", "error_code": "no_room"}, "What it had begun is being cleared away."),
    ],
)
def test_it_says_what_was_decided_and_what_came_of_that(client, world, fields, words):
    operation = _running(world, kind="create", verdict_by=world.admin, verdict_reason="Ordered twice", **fields)
    client.force_login(world.admin)

    assert words in text_of(client, operation)
    assert fields.get("error", "") in client.get("/operations/").content.decode()


def test_work_is_cancelled_with_a_reason_and_once(client, world):
    operation = _work(world)
    client.force_login(world.admin)
    url = f"/operations/{operation.pk}/cancel/"
    assert "nothing will be" in client.get(url).content.decode()

    assert client.post(url, {"reason": " "}).status_code == 422
    assert client.post(url, {"reason": "Storage moves"}).headers["Location"] == f"/operations/{operation.pk}/"
    again = client.post(url, {"reason": "Again"})

    assert again.status_code == 409
    assert "ingrid decided already" in again.content.decode()
    operation.refresh_from_db()
    assert (operation.verdict, operation.verdict_by, operation.verdict_reason) == (
        "cancel",
        world.admin,
        "Storage moves",
    )
    assert Entry.objects.get(verb="operation.called_off").reason == "Storage moves"


def test_what_runs_and_cannot_be_stopped_halfway_is_not_cancelled(client, world):
    operation = _running(world)
    client.force_login(world.admin)

    answer = client.post(f"/operations/{operation.pk}/cancel/", {"reason": "No"})

    assert answer.status_code == 409
    assert "halfway" in answer.content.decode()


@pytest.mark.parametrize(("verdict", "verb"), [("done", "operation.said_done"), ("failed", "operation.given_up")])
def test_work_is_resolved_by_hand(client, world, verdict, verb):
    operation = _running(world)
    client.force_login(world.admin)
    url = f"/operations/{operation.pk}/resolve/"
    page = client.get(url).content.decode()
    assert "has the last word" in page and "nothing is touched there" in page

    assert client.post(url, {"reason": "Looked there"}).status_code == 422
    assert client.post(url, {"verdict": "cancel", "reason": "Looked there"}).status_code == 422
    assert client.post(url, {"verdict": verdict, "reason": ""}).status_code == 422
    assert client.post(url, {"verdict": verdict, "reason": "Looked there"}).status_code == 302
    assert client.post(url, {"verdict": verdict, "reason": "Again"}).status_code == 409

    assert Entry.objects.get(verb=verb).reason == "Looked there"


def test_what_has_not_begun_is_not_resolved(client, world):
    client.force_login(world.admin)

    answer = client.post(f"/operations/{_work(world).pk}/resolve/", {"verdict": "failed", "reason": "No"})

    assert answer.status_code == 409
    assert "Cancel it instead" in answer.content.decode()


@pytest.mark.parametrize(
    ("came_from", "back_to"),
    [
        ("/operations/?state=waiting", "/operations/?state=waiting"),
        ("/operations/{}/cancel/", "/operations/{}/"),
        ("//evil.example.org/operations/", "/operations/{}/"),
    ],
)
def test_an_act_leads_back_to_where_it_was_asked_from(client, world, came_from, back_to):
    operation = _work(world)
    client.force_login(world.admin)

    answer = client.post(
        f"/operations/{operation.pk}/cancel/",
        {"reason": "Storage moves"},
        headers={"Referer": f"http://testserver{came_from.format(operation.pk)}" if came_from[1] != "/" else came_from},
    )

    assert answer.headers["Location"].removeprefix("http://testserver") == back_to.format(operation.pk)


def test_health_tells_of_each_endpoint(client, world):
    now = datetime.now(UTC)
    make_endpoint(
        "Bremen", mode="observe", failing_since=now - timedelta(minutes=5), failures=4,
        rests_until=now + timedelta(seconds=30), parallel=2,
    )  # fmt: skip
    make_endpoint("Kiel", failing_since=now - timedelta(minutes=5), failures=1, rests_until=now - timedelta(seconds=3))
    _running(world)
    _work(world)
    _work(world)
    client.force_login(world.admin)

    answer = client.get("/operations/")

    rows = {row.health.endpoint.name: row for row in answer.context["list"].health.endpoints}
    counts = {name: (row.health.running, row.health.waiting, row.health.rests) for name, row in rows.items()}
    assert counts == {"Bremen": (0, 0, True), "Hamburg": (1, 2, False), "Kiel": (0, 0, False)}
    text = answer.content.decode()
    for words in ("1 of 8", "Does not answer", "Rests until", "4 failures in a row", "Is tried by one worker"):
        assert words in text


def test_health_tells_of_workers_and_their_clocks(client, world):
    now = datetime.now(UTC)
    Heartbeat.objects.create(name="sweep", at=now)
    Heartbeat.objects.create(name="worker host-1", at=now, ahead=0.04)
    Heartbeat.objects.create(name="worker host-2", at=now, ahead=-7.26)
    Heartbeat.objects.create(name="worker host-3", at=now - timedelta(hours=2))
    client.force_login(world.admin)

    answer = client.get("/operations/")

    assert answer.context["list"].health.workers == 1
    text = answer.content.decode()
    assert "Takes no work: its clock is 7.3 s behind" in text
    assert text.count("No sign of life.") == 1
    assert "Nobody looks for work." not in text


def test_health_says_when_nobody_is_there(client, world):
    client.force_login(world.admin)

    text = client.get("/operations/").content.decode()

    assert "Nobody looks for work." in text
    assert "No worker has ever given a sign of life." in text


def test_health_says_who_paused_everything_and_why(client, world):
    client.force_login(world.admin)
    client.post("/operations/pause/", {"reason": "Storage moves"})

    text = client.get("/operations/", headers={"HX-Request": "true"}).content.decode()

    assert "ingrid: “Storage moves”" in text


def test_what_builds_a_machine_names_who_wants_it_and_the_request(client, world):
    request = requests.approve(world.submit(), by=world.approver)
    operation = Operation.objects.get(machine=request.machine)
    client.force_login(world.admin)

    text = text_of(client, operation)

    assert f"/requests/{request.pk}/" in text
    assert [work.asker for work in client.get("/operations/").context["list"].open] == [world.owner]
