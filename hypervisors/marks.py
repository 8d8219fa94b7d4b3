"""Tokens for `changes`, for hypervisors that keep no journal: a mark per machine, packed into one text."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Iterable, Mapping

VERSION = "m1:"


def mark(facts: object) -> str:
    """A short text that differs when the facts do."""
    return hashlib.blake2b(repr(facts).encode(), digest_size=8).hexdigest()


def pack(marks: Mapping[str, str]) -> str:
    text = "\n".join(f"{ref}\t{found}" for ref, found in sorted(marks.items()))
    return VERSION + base64.b85encode(zlib.compress(text.encode(), 6)).decode()


def unpack(token: str) -> dict[str, str] | None:
    """None for a token that is empty or not one of ours."""
    if not token.startswith(VERSION):
        return None
    try:
        text = zlib.decompress(base64.b85decode(token.removeprefix(VERSION))).decode()
    except (ValueError, binascii.Error, zlib.error):
        return None
    return dict(row.split("\t", 1) for row in text.splitlines() if "\t" in row)


def changed(before: Mapping[str, str] | None, now: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """References that are new or marked otherwise, and those that are gone."""
    known: Mapping[str, str] = before or {}
    return [ref for ref, found in now.items() if known.get(ref) != found], _without(known, now)


def _without(known: Iterable[str], now: Mapping[str, str]) -> list[str]:
    return [ref for ref in known if ref not in now]
