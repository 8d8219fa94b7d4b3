"""Which row is which machine: by reference and UUID together, then by UUID, then by reference; never by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.utils.translation import gettext as _

from lifecycle.estate.models import Machine, Stage
from lifecycle.estate.sync.reading import Look, Seen


@dataclass(slots=True)
class Matches:
    pairs: list[tuple[Machine, Seen]] = field(default_factory=list)
    new: list[Seen] = field(default_factory=list)
    released: list[Machine] = field(default_factory=list)
    """Rows whose reference another machine has now; they keep their UUID and everything else."""


class Matcher:
    """Matches a chunk of what was seen with every live row that has one of their references or UUIDs."""

    def __init__(self, rows: Iterable[Machine], look: Look) -> None:
        self.look = look
        self.by_ref: dict[str, Machine] = {}
        self.by_uuid: defaultdict[UUID, list[Machine]] = defaultdict(list)
        for row in rows:
            self.by_uuid[row.uuid].append(row)
            if row.native_ref:
                self.by_ref[row.native_ref] = row
        self.taken: set[int] = set()
        self.matches = Matches()

    def match(self, chunk: Iterable[Seen]) -> Matches:
        rest = [seen for seen in chunk if not self._same(seen)]
        rest = [seen for seen in rest if not self._left_to_the_engine(seen)]
        rest = [seen for seen in rest if not self._registered_again(seen)]
        for seen in rest:
            self._under_a_known_reference_or_new(seen)
        self.matches.pairs = [pair for pair in self.matches.pairs if pair[0].stage != Stage.BUILDING]
        return self.matches

    def _same(self, seen: Seen) -> bool:
        row = self.by_ref.get(seen.ref)
        if row is None or seen.uuid not in {None, row.uuid}:
            return False
        return self._pair(row, seen)

    def _left_to_the_engine(self, seen: Seen) -> bool:
        """Our own creation under way has a row already, and so has one whose UUID is not set yet."""
        if seen.uuid is None:
            return seen.stamped
        return any(row.stage == Stage.BUILDING for row in self.by_uuid[seen.uuid])

    def _registered_again(self, seen: Seen) -> bool:
        """The UUID of a row whose own reference is no longer that machine: the same machine, a new reference."""
        if seen.uuid is None:
            return False
        for row in self.by_uuid[seen.uuid]:
            if row.pk in self.taken or self.look.shows(row):
                continue
            # A partial scan cannot tell a machine that moved from its copy: wait for a complete one.
            return not self.look.complete or self._pair(row, seen)
        return False

    def _under_a_known_reference_or_new(self, seen: Seen) -> None:
        row = self.by_ref.get(seen.ref)
        if row is None:
            self.matches.new.append(seen)
        elif row.pk in self.taken or row.uuid in self.look.uuids:
            if self.look.complete:
                self._release(row)
                self.matches.new.append(seen)
        elif row.stage == Stage.DISCOVERED:
            self._pair(row, seen)
        else:
            # Perhaps its UUID was changed, perhaps references were dealt out afresh. What is held is not guessed at:
            # the row goes missing until an administrator has looked.
            self.look.notes.append(
                _("%(name)s (%(ref)s) has another UUID than the machine that is held under its reference.")
                % {"name": seen.columns["name"], "ref": seen.ref}
            )

    def _pair(self, row: Machine, seen: Seen) -> bool:
        occupant = self.by_ref.get(seen.ref)
        if occupant is not None and occupant is not row:
            self._release(occupant)
        self.taken.add(row.pk)
        self.matches.pairs.append((row, seen))
        return True

    def _release(self, row: Machine) -> None:
        if row.pk not in self.taken:
            self.matches.released.append(row)
