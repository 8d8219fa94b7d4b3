"""Reading the mails that a demo wrote into files instead of sending them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

from django.conf import settings

NAMES = re.compile(r"[0-9A-Za-z_-]{1,100}\.log")
RULE = b"-" * 79
"""Stands after each mail of a file."""
MOST, LONGEST = 100, 200_000


@dataclass(frozen=True)
class Mail:
    name: str
    sender: str
    to: str
    subject: str
    at: datetime | None
    body: str


def newest() -> list[Mail]:
    """The last ones, newest first: the files are named after the moment."""
    folder = Path(settings.MAIL_DIR)
    files = sorted((file for file in folder.glob("*.log") if NAMES.fullmatch(file.name)), reverse=True)[:MOST]
    return [mail for file in files for mail in reversed(_read(file))]


def named(name: str) -> list[Mail]:
    """The mails of one file; empty for names that are none of ours."""
    file = Path(settings.MAIL_DIR) / name
    return _read(file) if NAMES.fullmatch(name) and file.is_file() else []


def _read(file: Path) -> list[Mail]:
    with file.open("rb") as stream:
        content = stream.read(LONGEST)
    parts = [part.strip() for part in content.split(RULE)]
    return [_mail(file.name, part) for part in parts if part]


def _mail(name: str, content: bytes) -> Mail:
    message: EmailMessage = message_from_bytes(content, policy=policy.default)
    text = message.get_body(("plain",))
    return Mail(
        name=name,
        sender=str(message.get("From", "")),
        to=str(message.get("To", "")),
        subject=str(message.get("Subject", "")),
        at=_moment(str(message.get("Date", ""))),
        body=str(text.get_content()) if text else "",
    )


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        # "-0000" says that the writer's zone is not known; the instant is UTC's all the same.
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError):
        return None
