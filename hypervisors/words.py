"""Text that goes to a hypervisor or comes from one: cut to length, without what XML, databases or terminals refuse."""

from __future__ import annotations

import re

from hypervisors.contract import Holding
from hypervisors.errors import InvalidRequest

NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

BEGIN = "[Leasehold: this part is written by the portal]"
END = "[Leasehold: end]"
WORDS = ("Purpose: ", "Holder: ", "Until: ", "Portal: ")
"""What the lines between them begin with."""


def line(text: str, limit: int = 255) -> str:
    """One line, cut to length."""
    return " ".join(CONTROL.sub(" ", NOT_IN_XML.sub("", text)).split())[:limit]


def block(text: str, limit: int = 2000) -> str:
    """Several lines, cut to length."""
    return NOT_IN_XML.sub("", text).strip()[:limit]


def check_name(name: str) -> None:
    """Files are named after machines: no path, no control characters, and room for a suffix. Raises InvalidRequest."""
    if not name.strip() or name != name.strip():
        raise InvalidRequest("The name is empty, or begins or ends with a space.")
    if re.search(r"[/\\%]", name) or name in (".", "..") or CONTROL.search(name) or NOT_IN_XML.search(name):
        raise InvalidRequest("The name holds a character that a machine's name cannot have.")
    if len(name.encode()) > 80:
        raise InvalidRequest("The name is too long.")


def holding_block(holding: Holding) -> str:
    """Our part of a note. Each value is on one line, so that none can pass for a border."""
    said = zip(WORDS, (holding.purpose, holding.holder, holding.ends_on, holding.portal_ref), strict=True)
    return "\n".join([BEGIN, *(f"{word}{line(value, 1000)}" for word, value in said if value), END])


def foreign_part(note: str) -> str:
    """A note without our part. Whatever else stands within our borders, people wrote there."""
    kept, ours = [], False
    for text in note.split("\n"):
        bare = text.rstrip("\r")
        if bare in (BEGIN, END):
            ours = bare == BEGIN
        elif not (ours and bare.startswith(WORDS)):
            kept.append(text)
    return "\n".join(kept).strip()


def with_holding(note: str, holding: Holding) -> str:
    """What people wrote, unchanged, followed by our part."""
    foreign = foreign_part(note)
    return f"{foreign}\n\n{holding_block(holding)}" if foreign else holding_block(holding)
