"""Hostile text divided into words. Every step is linear, and what is long is cut before it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterator

LONGEST = 2000
"""Signs of one text that are looked at."""
MOST_WORDS = 300
MOST_TOGETHER = 4
"""Words that a name may have."""

Words = tuple[str, ...]

WORD = re.compile(r"[^\W_]+")
ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w.-]{1,200}")


def folded(text: str) -> str:
    """Whatever its case and its marks: Zieliński is zielinski."""
    plain = unicodedata.normalize("NFKD", text[:LONGEST].casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign))[:LONGEST]


def words(text: str) -> Words:
    return tuple(WORD.findall(folded(text))[:MOST_WORDS])


def spellings(text: str) -> set[Words]:
    """The words of a name, also as written where there are no umlauts: Müller is muller and mueller."""
    spelt = text.casefold()
    for sign, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ø", "oe"), ("å", "aa")):
        spelt = spelt.replace(sign, letters)
    return {found for found in (words(text), words(spelt)) if found}


def runs(found: Words, starts: Container[str]) -> Iterator[tuple[int, Words]]:
    """Each place and run of words that could be somebody's name, the longest first."""
    for start, word in enumerate(found):
        if word in starts:
            for length in range(min(MOST_TOGETHER, len(found) - start), 0, -1):
                yield start, found[start : start + length]


def addresses(text: str) -> list[str]:
    """Addresses of mail in it."""
    if "@" not in text:
        return []
    return [found.casefold().rstrip(".") for found in ADDRESS.findall(text[:LONGEST])[:MOST_WORDS]]
