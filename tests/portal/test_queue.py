"""The filesystem queue under what breaks kombu's own: half-written files and processes that start together."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from threading import Event
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue

from portal import queue

JOBS = Queue("jobs", Exchange("jobs"), routing_key="jobs")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    queue.register()
    queue.fresh(tmp_path / "broker", connect(tmp_path / "broker"), [JOBS])
    return tmp_path / "broker"


@pytest.fixture
def channel(folder: Path) -> Iterator[Any]:
    with open_channel(folder) as channel:
        yield channel


def connect(folder: Path) -> Connection:
    return Connection("filesystem://", transport_options=queue.options(folder))


@contextmanager
def open_channel(folder: Path) -> Iterator[Any]:
    with connect(folder) as connection:
        yield connection.default_channel


def test_filesystem_means_the_safe_transport(channel: Any) -> None:
    assert isinstance(channel, queue.Channel)


def test_messages_come_in_the_order_they_were_sent(channel: Any) -> None:
    for number in range(20):
        channel._put("jobs", {"n": number})

    assert [channel._get("jobs")["n"] for _ in range(20)] == list(range(20))


def test_an_empty_queue_says_so(channel: Any) -> None:
    channel._put("others", {})

    with pytest.raises(Empty):
        channel._get("jobs")


@pytest.mark.parametrize("content", ["", '{"n": ', "\x00"], ids=["empty", "half", "noise"])
def test_a_file_that_is_no_message_is_passed_over(folder: Path, channel: Any, content: str) -> None:
    (folder / "data" / "0_poison.jobs.msg").write_text(content)
    channel._put("jobs", {"n": 1})

    assert channel._get("jobs") == {"n": 1}


def test_every_message_reaches_exactly_one_reader(folder: Path) -> None:
    done = Event()

    def read() -> list[int]:
        found: list[int] = []
        with open_channel(folder) as channel:
            while True:
                finished = done.is_set()
                try:
                    found.append(channel._get("jobs")["n"])
                except Empty:
                    if finished:
                        return found

    def publish(first: int) -> None:
        with open_channel(folder) as channel:
            for number in range(first, first + 100):
                channel._put("jobs", {"n": number, "text": "x" * 20_000})

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        list(pool.map(publish, range(0, 400, 100)))
        done.set()
        received = sorted(number for reader in readers for number in reader.result())

    assert received == list(range(400))
    assert list((folder / "data").iterdir()) == []


def test_queues_bound_at_the_same_moment_are_all_kept(folder: Path) -> None:
    def bind(number: int) -> None:
        with open_channel(folder) as channel:
            channel._queue_bind("shared", "key", "", f"queue-{number}")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(bind, range(48)))
    with open_channel(folder) as channel:
        bound = {binding.queue for binding in channel.get_table("shared")}

    assert bound == {f"queue-{number}" for number in range(48)}


def test_a_fresh_folder_holds_the_bindings_and_no_messages(folder: Path, channel: Any) -> None:
    channel._put("jobs", {"n": 1})

    queue.fresh(folder, connect(folder), [JOBS])

    assert list((folder / "data").iterdir()) == []
    assert [binding.queue for binding in channel.get_table("jobs")] == ["jobs"]
