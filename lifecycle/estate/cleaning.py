"""What a hypervisor says, made fit for the tables: cut to length, without what databases refuse."""

from __future__ import annotations

MARK = "…"


def cut(text: object, length: int) -> str:
    """At most `length` characters, marked where cut; without NUL and broken surrogates."""
    clean = str(text)
    if "\0" in clean or not clean.isascii():
        clean = clean.replace("\0", "").encode("utf-8", "replace").decode()
    return clean if len(clean) <= length else clean[: length - 1] + MARK


def whole(number: object, *, most: int) -> int:
    """A count between 0 and what the column holds; anything else counts as 0."""
    return min(max(number, 0), most) if isinstance(number, int) else 0
