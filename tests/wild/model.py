"""What a person with pencil and paper would say of an estate after each look. Knows nothing of the portal's code.

A soul is a machine as people mean it: it stays itself through new names, folders and references.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

ORPHAN_AFTER, GONE_AFTER, FILE_AFTER = 3, 3, 3
"""Complete looks."""


@dataclass(slots=True)
class Soul:
    number: int
    ref: str
    uuid: str
    """Equal for copies that kept it; any text will do."""
    there: bool = True
    held: bool = False
    known: bool = False
    """A complete look saw it."""
    seen_ref: str = ""
    """Its reference at the last complete look; empty when that missed it."""
    looks: int = 0
    """Complete looks since it was first seen, its first one counted."""
    missed: int = 0
    """Complete looks in a row that did not see it."""


@dataclass(slots=True)
class File:
    ref: str
    looks: int = 0


@dataclass(slots=True)
class Paper:
    souls: list[Soul] = field(default_factory=list)
    files: list[File] = field(default_factory=list)

    def born(self, ref: str, uuid: str = "") -> Soul:
        soul = Soul(len(self.souls), ref, uuid or f"own-{len(self.souls)}")
        self.souls.append(soul)
        return soul

    @property
    def there(self) -> list[Soul]:
        return [soul for soul in self.souls if soul.there]

    def looked(self) -> None:
        """A complete look has ended; one with gaps is not written down."""
        for soul in self.souls:
            soul.known |= soul.there
            soul.seen_ref = soul.ref if soul.there else ""
            soul.looks += soul.known
            soul.missed = 0 if soul.there else soul.missed + soul.known
        for file in self.files:
            file.looks += 1

    def rows(self) -> dict[int, str]:
        """Soul -> reference, as the last complete look found them."""
        return {soul.number: soul.seen_ref for soul in self.souls if soul.seen_ref}

    def orphans(self) -> set[int]:
        """One look that misses a machine proves nothing yet."""
        return {
            soul.number
            for soul in self.souls
            if not soul.held and soul.looks >= ORPHAN_AFTER and soul.missed < GONE_AFTER
        }

    def ghosts(self) -> set[int]:
        return {soul.number for soul in self.souls if soul.held and soul.missed >= GONE_AFTER}

    def duplicates(self) -> set[int]:
        known = [soul for soul in self.souls if soul.seen_ref]
        count = Counter(soul.uuid for soul in known)
        return {soul.number for soul in known if count[soul.uuid] > 1}

    def orphan_files(self) -> set[str]:
        return {file.ref for file in self.files if file.looks >= FILE_AFTER}
