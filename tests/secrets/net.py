"""The net under the whole suite: what tests use as secrets may come up in no log, no row, no answer and no mail.

Every test is watched while it runs, so that the one that let something slip is the one that fails. What is written to
the database is looked at on its way there, before it is rolled back; at the end, the files that are left are read too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.core.handlers.base import BaseHandler
from django.db import connections

WORDS = ("secret-for-tests", "hush-hush", "s3cret", "long and odd enough 7", "a-long-new-one-7")
"""Passwords and endpoint secrets of the tests."""
SECRETS = re.compile("|".join(map(re.escape, WORDS)))
TOKENS = re.compile(r"\blh_[A-Za-z0-9_-]{43}\b")
KEY_FILES = ("secret-key", "secrets-keys")
WRITES = re.compile(r"\s*(?:INSERT|UPDATE)\b", re.IGNORECASE)


class Net(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.caught: list[str] = []

    def look(self, where: str, what: object, *shapes: re.Pattern[str]) -> None:
        text = what.decode(errors="replace") if isinstance(what, bytes) else str(what)
        for shape in shapes or (SECRETS, TOKENS):
            if found := shape.search(text):
                self.caught.append(f"{where}: …{text[max(0, found.start() - 60) : found.end() + 20]}…")

    def emit(self, record: logging.LogRecord) -> None:
        self.look(f"log of {record.name}", self.format(record))

    def on_write(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if WRITES.match(sql):
            self.look("database", [sql, params])
        return execute(sql, params, many, context)

    def on_answer(self, get_response: Callable[..., Any]) -> Callable[..., Any]:
        def watched(handler: BaseHandler, request: Any) -> Any:
            answer = get_response(handler, request)
            body = b"" if answer.streaming else answer.content
            # A token is told once, by the answer that made it; tests of tokens look at that themselves.
            self.look(f"answer of {request.path}", [dict(answer.headers), body.decode(errors="replace")], SECRETS)
            return answer

        return watched


@pytest.fixture(scope="session")
def net() -> Iterator[Net]:
    """Hangs in log and handler for the whole session."""
    caught, root, patch = Net(), logging.getLogger(), pytest.MonkeyPatch()
    root.addHandler(caught)
    patch.setattr(BaseHandler, "get_response", caught.on_answer(BaseHandler.get_response))
    yield caught
    patch.undo()
    root.removeHandler(caught)


@pytest.fixture(autouse=True)
def nothing_slips_through(net: Net, request: pytest.FixtureRequest) -> Iterator[None]:
    allowed = request.node.get_closest_marker("spills_secrets") is not None
    if net not in logging.getLogger().handlers:  # a test that set up logging anew took it down
        logging.getLogger().addHandler(net)
    with connections["default"].execute_wrapper(net.on_write):
        yield
    for message in getattr(mail, "outbox", []):
        net.look("mail", message.message().as_string())
    caught, net.caught = net.caught, []
    assert allowed or not caught, "\n".join(caught)


def read_what_is_left(folder: Path = Path(settings.DATA_DIR)) -> list[str]:
    """Names of files in which a secret stands, whatever they are; among them logs and databases of whole installations.

    Each of those has keys of its own in two files, where they belong.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    keys = [path for path in files if path.name in KEY_FILES]
    words = [re.escape(path.read_bytes().strip()) for path in keys]
    left = re.compile(b"|".join([SECRETS.pattern.encode(), *words]))
    return [str(path) for path in files if path not in keys and left.search(path.read_bytes())]
