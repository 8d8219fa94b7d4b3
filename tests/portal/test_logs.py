"""Every line of the log says what it is about, from a click to the last step on a hypervisor; none tells a secret."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from celery.worker.request import Request as Job
from django.conf import settings
from django.test import Client, RequestFactory

import lifecycle.tasks  # noqa: F401 - registers the tasks
from lifecycle import logcontext
from lifecycle.audit.models import Entry
from lifecycle.operations import claims
from lifecycle.operations.endings import Outcome
from lifecycle.operations.engine import step
from lifecycle.operations.models import Operation
from lifecycle.operations.power import shut_down
from lifecycle.wiring import OUTCOMES
from portal import errors
from portal.celery import app
from portal.logs import Json, Line
from tests.lifecycle.operations.test_engine import approved
from tests.lifecycle.operations.test_work import LONG_AGO
from tests.lifecycle.world import World
from tests.listening import listening

LINE = settings.LOGGING["formatters"]["line"]["format"]  # type: ignore[index]
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"


class Written(logging.Handler):
    """The lines as an installation would write them, in both forms."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.forms = [Line(LINE), Json()]
        self.lines: list[str] = []
        self.objects: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        line, text = (form.format(record) for form in self.forms)
        self.lines.append(line)
        self.objects.append(json.loads(text))

    def about(self, words: str) -> dict[str, Any]:
        return next(found for found in self.objects if words in found["message"])


@pytest.fixture
def written() -> Iterator[Written]:
    with listening(Written(), logging.INFO) as handler:
        yield handler


@pytest.fixture(autouse=True)
def about_nothing() -> Iterator[None]:
    logcontext.begin()
    yield
    logcontext.begin()


def record(message: str, *args: object, exc_info: Any = None) -> logging.LogRecord:
    return logging.LogRecord("portal", logging.ERROR, __file__, 1, message, args, exc_info)


@pytest.fixture
def no_messages() -> None:
    """Other tests' wake-ups wait for nobody."""
    with app.connection_for_read() as connection, connection.SimpleQueue("provisioning") as queue:
        queue.clear()


def run_messages() -> int:
    """Does what a worker does with the messages that wait, in this process. Returns how many there were."""
    count = 0
    with app.connection_for_read() as connection, connection.SimpleQueue("provisioning") as queue:
        while queue.qsize():
            message = queue.get(block=False)
            message.ack()
            task = app.tasks[message.headers["task"]]
            Job(message, app=app, hostname="here", task=task).execute()
            count += 1
    return count


# The two forms.


def test_a_line_names_what_it_is_about() -> None:
    with logcontext.about(request="abc123def456", operation=17, machine=4):
        text = Line(LINE).format(record("It went %s.", "well"))

    assert text.endswith(" ERROR portal request=abc123def456 operation=17 machine=4 It went well.")


def test_a_line_of_nobody_s_request_says_so() -> None:
    assert Line(LINE).format(record("Started.")).endswith(" ERROR portal request=- Started.")


def test_an_object_has_the_ids_as_fields() -> None:
    with logcontext.about(request="abc123def456", operation=17):
        found = json.loads(Json().format(record("It went %s.", "well")))

    assert found.pop("ts").endswith("+00:00")
    assert found == {
        "level": "ERROR",
        "logger": "portal",
        "message": "It went well.",
        "request": "abc123def456",
        "operation": 17,
    }


def test_an_object_is_one_line_whatever_is_in_it() -> None:
    try:
        raise ValueError("first\nsecond\u2028third \udcff")
    except ValueError:
        text = Json().format(record('a "b"\n\\ c', exc_info=sys.exc_info()))

    assert len(text.splitlines()) == 1
    assert text.isascii()
    found = json.loads(text)
    assert found["message"] == 'a "b"\n\\ c'
    assert "ValueError: first\nsecond" in found["traceback"]


@pytest.mark.parametrize("form", [Line("%(ids)s %(message)s"), Json()], ids=["line", "json"])
@pytest.mark.parametrize(
    "secret",
    ["lh_" + "A-b_" * 10, "gAAAAABrAASj" + "aHecX_26t9L-" * 8 + "7g==", KEY, settings.SECRET_KEY],
    ids=["token", "ciphertext", "key", "setting"],
)
def test_both_forms_mask(form: logging.Formatter, secret: str) -> None:
    try:
        raise ValueError(f"refused {secret}")
    except ValueError:
        text = form.format(record("it was %s", secret, exc_info=sys.exc_info()))

    assert secret not in text
    assert secret not in text.replace("\\n", "\n")
    assert text.count("***") >= 2


def test_what_ends_an_object_is_not_taken_for_a_token() -> None:
    found = json.loads(Json().format(record("Authorization: Bearer %s", "whatever-it-is")))

    assert found["message"] == "Authorization: Bearer ***"


# What lines are about.


def test_ids_end_with_their_block() -> None:
    logcontext.begin(request="outer")
    with logcontext.about(operation=1):
        with logcontext.about(operation=2, machine=3):
            assert logcontext.ids() == {"request": "outer", "operation": 2, "machine": 3}
        assert logcontext.ids("operation", "machine") == {"operation": 1}
    assert logcontext.ids() == {"request": "outer"}


def test_other_threads_are_about_something_else() -> None:
    seen: list[logcontext.Ids] = []
    with logcontext.about(request="mine"):
        thread = threading.Thread(target=lambda: seen.append(logcontext.ids()))
        thread.start()
        thread.join()

    assert seen == [{}]


# From a request …


def test_an_answer_names_its_request_and_so_does_the_log(client: Client, db: None, written: Written) -> None:
    answer = client.get("/no-such-page/")

    request = answer["X-Request-ID"]
    assert len(request) == 12
    assert written.about("Not Found: /no-such-page/")["request"] == request
    assert f"request={request} " in written.lines[0]
    assert logcontext.ids() == {}


def test_each_request_has_an_id_of_its_own(client: Client, db: None) -> None:
    assert len({client.get("/healthz")["X-Request-ID"] for _ in range(3)}) == 3


def name_kept(given: str, *, peer: str) -> bool:
    return Client().get("/healthz", headers={"X-Request-ID": given}, REMOTE_ADDR=peer)["X-Request-ID"] == given


@pytest.mark.parametrize(("peer", "kept"), [("10.0.0.5", True), ("192.0.2.7", False), ("", False)])
def test_only_a_trusted_proxy_names_a_request(db: None, settings: Any, peer: str, kept: bool) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/24")]

    assert name_kept("7f3e9a52-4d1c-4b7e-9a52-0c1d2e3f4a5b", peer=peer) is kept


@pytest.mark.parametrize(
    "given", ["a" * 65, "short", "id operation=99", "1234567\nERROR", '12345678"', "１２３４５６７８９", ""]
)
def test_a_name_that_a_log_would_misread_is_replaced(db: None, settings: Any, given: str) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/24")]

    assert not name_kept(given, peer="10.0.0.5")


@pytest.mark.parametrize("path", ["/machines/999999/", "/endpoints/new/"])
def test_pages_of_errors_show_the_id(world: World, client: Client, path: str) -> None:
    client.force_login(world.owner)

    answer = client.get(path)

    assert answer.status_code in {403, 404}
    assert f'<span class="mono">{answer["X-Request-ID"]}</span>' in answer.content.decode()


@pytest.mark.parametrize("path", ["/machines/", "/api/v1/machines/"])
def test_a_fault_of_ours_tells_the_id(
    world: World, client: Client, written: Written, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    client.raise_request_exception = False
    client.force_login(world.owner)
    monkeypatch.setattr("lifecycle.estate.models.machines.MachineQuerySet.visible_to", lambda *_: 1 / 0)

    answer = client.get(path)

    assert answer.status_code == 500
    assert answer["X-Request-ID"] in answer.content.decode()
    assert written.about("Answered 500 with reference")["request"] == answer["X-Request-ID"]
    assert "ZeroDivisionError" in next(found["traceback"] for found in written.objects if "traceback" in found)


def test_a_fault_outside_any_request_still_has_a_page() -> None:
    assert errors.server_error(RequestFactory().get("/")).status_code == 500


# … through a message …


def test_the_request_goes_with_the_message_to_the_worker(db: None, no_messages: None, written: Written) -> None:
    logcontext.begin(request="abc123def456")
    app.send_task("lifecycle.tasks.work_operation", args=[None])
    logcontext.begin()

    assert run_messages() == 1

    (found,) = [each for each in written.objects if "succeeded" in each["message"]]
    assert (found["request"], found["task"]) == ("abc123def456", "work_operation")
    assert found["task_id"] in found["message"]
    assert logcontext.ids() == {}


def test_a_tick_of_the_clock_has_an_id_of_its_own(db: None, no_messages: None, written: Written) -> None:
    app.send_task("lifecycle.tasks.work_operation", args=[None])
    app.send_task("lifecycle.tasks.work_operation", args=[None])

    assert run_messages() == 2

    named = {each["request"] for each in written.objects if "succeeded" in each["message"]}
    assert len(named) == 2
    assert all(len(name) == 12 for name in named)


# … to the step on the hypervisor.


def test_the_line_and_the_record_tie_the_request_to_the_operation(
    world: World, written: Written, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    machine = world.machine("churn-scoring")
    logcontext.begin(request="abc123def456")

    with django_capture_on_commit_callbacks(execute=True):
        operation = shut_down(machine, by=world.owner)

    found = written.about("Asked for: shutdown (holder).")
    assert (found["request"], found["operation"], found["machine"]) == ("abc123def456", operation.pk, machine.pk)
    assert Entry.objects.get(verb="operation.asked", object_id=operation.pk).detail["request"] == "abc123def456"


def goes_wrong(operation: Operation, facts: object) -> None:
    """What follows, for once: its line comes from the innermost part of a step."""
    raise ZeroDivisionError


def test_lines_of_a_step_name_operation_and_machine(world: World, written: Written) -> None:
    operation = approved(world)
    claims.claim(operation.pk)
    Operation.objects.update(claimed_until=LONG_AGO)
    broken = {key: Outcome(goes_wrong, goes_wrong) for key in OUTCOMES}

    while not Operation.objects.filter(waits_for="portal").exists():
        Operation.objects.update(next_try_at=LONG_AGO)
        step(operation.pk, outcomes=broken)

    assert written.about("is taken over")["operation"] == operation.pk
    found = written.about("What follows operation")
    assert (found["operation"], found["machine"]) == (operation.pk, operation.machine_id)
    assert logcontext.ids() == {}


def test_the_thread_that_keeps_a_claim_is_about_the_same(
    world: World, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = claims.claim(approved(world).pk)
    assert taken is not None
    monkeypatch.setattr(claims, "RENEW", 0.01)
    renewed = threading.Event()

    def failing(*_: object, **__: object) -> bool:
        logging.getLogger("tried").warning("Renewing.")
        renewed.set()
        return False

    monkeypatch.setattr(claims, "note", failing)
    with logcontext.about(operation=taken.pk), claims.kept(taken):
        assert renewed.wait(5)

    assert written.about("Renewing.")["operation"] == taken.pk


# The setting.


def start(form: str) -> subprocess.CompletedProcess[str]:
    """What an installation of its own writes, with this setting."""
    words = "import django, logging; django.setup(); logging.getLogger('tried').warning('Bearer %s', 'whatever-it-is')"
    return subprocess.run(
        [sys.executable, "-c", words],
        env=os.environ | {"LOG_FORMAT": form, "DJANGO_SETTINGS_MODULE": "portal.settings"},
        cwd=settings.BASE_DIR,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(("form", "first"), [("line", "2"), ("json", "{")])
def test_either_form_can_be_set(form: str, first: str) -> None:
    written = start(form).stderr

    assert written[0] == first
    assert "Bearer ***" in written
    assert "whatever-it-is" not in written


def test_another_form_stops_the_start() -> None:
    done = start("xml")

    assert done.returncode != 0
    assert "LOG_FORMAT must be line or json; it is 'xml'." in done.stderr
