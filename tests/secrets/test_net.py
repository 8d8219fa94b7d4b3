"""The net holds: each of these slips is caught."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from django.core.mail import send_mail
from django.test import Client

from tests.lifecycle.factories import make_team
from tests.secrets.net import Net, read_what_is_left

pytestmark = [pytest.mark.django_db, pytest.mark.spills_secrets]


def test_in_a_log(net: Net) -> None:
    logging.getLogger("portal.anything").warning("It was %s.", "hush-hush")

    assert [caught.partition(":")[0] for caught in net.caught] == ["log of portal.anything"]


def test_in_a_row(net: Net) -> None:
    make_team("lh_" + "x" * 43)

    assert [caught.partition(":")[0] for caught in net.caught] == ["database"]


def test_in_an_answer(net: Net) -> None:
    Client().post("/sign-in/", {"username": "secret-for-tests", "password": "x"})

    assert "answer of /sign-in/" in [caught.partition(":")[0] for caught in net.caught]


def test_in_a_mail(net: Net) -> None:
    send_mail("Hello", "Your password is secret-for-tests.", None, ["lena@example.org"])

    assert net.caught == []  # looked at when the test is over


def test_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "core.dump").write_bytes(b"\0\0s3cret\0")
    (tmp_path / "other").write_bytes(b"nothing")

    assert read_what_is_left(tmp_path) == [str(tmp_path / "core.dump")]
