"""The last net under the log."""

from __future__ import annotations

import base64
import logging
import sys
from typing import Any

import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from lifecycle.estate import secrets
from lifecycle.people.tokens import PREFIX
from portal.masking import Formatter

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----"


def line(message: str, *args: object, error: BaseException | None = None) -> str:
    exc_info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("portal", logging.ERROR, __file__, 1, message, args, exc_info)
    return Formatter("%(levelname)s %(message)s").format(record)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("token {} came", PREFIX + "A-b_" * 11),
        ("row {}", "gAAAAABrAASj" + "aHecX_26t9L-" * 8 + "7g=="),
        ("Authorization: Basic {}", base64.b64encode(b"lena:secret").decode()),
        ("Authorization: Bearer {}", "whatever-it-is"),
        ("redis://{}@host:6379/0", "user:pass:word"),
        ("{}", KEY),
        ("{}", settings.SECRET_KEY),
        ("{}", settings.SECRETS_KEYS[0]),
    ],
)
def test_secrets_are_masked(text: str, secret: str) -> None:
    assert secret in text.format(secret)
    assert line("%s", text.format(secret)) == "ERROR " + text.format("***")


def test_what_this_process_opened_is_masked_in_a_traceback_too() -> None:
    secrets.remember("hush-hush-hush")
    try:
        raise ValueError("refused hush-hush-hush")
    except ValueError:
        error = sys.exc_info()[1]

    written = line("It failed with %s", "hush-hush-hush", error=error)

    assert "hush-hush-hush" not in written
    assert "ValueError: refused ***" in written


def test_other_words_stay() -> None:
    words = "Endpoint Hamburg (kvm.example.org:16514) answered lh_ and gAAAA in 3 s; see https://portal.example/a@b"

    assert line(words) == f"ERROR {words}"


def test_every_handler_of_the_log_masks() -> None:
    logging: Any = settings.LOGGING
    classes = [import_string(formatter["()"]) for formatter in logging["formatters"].values()]

    assert all(issubclass(each, Formatter) for each in classes)
    assert {handler["formatter"] for handler in logging["handlers"].values()} <= logging["formatters"].keys()
