"""The token of `changes`: where XAPI's journal was read to, and who is who.

XAPI tells of what is gone by its reference only, and of what a guest reports without saying whose it is. So the token
knows, for every VM, what it is: a machine, a snapshot of one, or something else.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from hypervisors.xen import facts, mapping

VERSION = "x1"
POSITION = re.compile(r"[0-9,]{1,100}")
MACHINE, SNAPSHOT, OTHER = b"m", b"s", b"o"
SIZE, CHECK = 16 + 1 + 16 + 16, 8
NOBODY = bytes(16)


class Entry(NamedTuple):
    kind: bytes
    machine: bytes
    """UUID of the machine, or reference of the machine that it is a snapshot of."""
    guest: bytes
    """Reference of what its guest reports."""


class Opaque(Exception):
    """References of another form than XAPI has ever given out: no token can hold them."""


def packed(ref: object) -> bytes:
    if ref in (mapping.NULL, "", None):
        return NOBODY
    found = mapping.uuid(str(ref).removeprefix("OpaqueRef:"))
    if found is None or _ref(found.bytes) != ref:
        raise Opaque
    return found.bytes


def _ref(packed: bytes) -> str:
    return f"OpaqueRef:{UUID(bytes=packed)}"


@dataclass
class Journal:
    position: str = ""
    known: dict[bytes, Entry] = field(default_factory=dict)

    def note(self, ref: str, vm: Mapping[str, Any]) -> Entry | None:
        """Takes down what a VM is now. What it was before."""
        before = self.known.get(packed(ref))
        if facts.is_machine(vm):
            entry = Entry(MACHINE, UUID(vm["uuid"]).bytes, packed(vm["guest_metrics"]))
        elif vm["is_a_snapshot"]:
            entry = Entry(SNAPSHOT, packed(vm["snapshot_of"]), NOBODY)
        else:
            entry = Entry(OTHER, NOBODY, NOBODY)
        self.known[packed(ref)] = entry
        return before

    def forget(self, ref: str) -> Entry | None:
        return self.known.pop(packed(ref), None)

    def of_guests(self, guests: set[str]) -> set[str]:
        """The machines whose guests report there."""
        wanted = {packed(guest) for guest in guests}
        return {_ref(ref) for ref, entry in self.known.items() if entry.guest in wanted} if wanted else set()

    def token(self) -> str:
        rows = b"".join(ref + entry.kind + entry.machine + entry.guest for ref, entry in sorted(self.known.items()))
        body = rows + _check(rows)
        return f"{VERSION}:{self.position}:{base64.b85encode(body).decode()}"


def begun(position: str, vms: Mapping[str, Mapping[str, Any]]) -> str:
    """A token that goes on from these records; none where references have another form."""
    known = Journal(position)
    try:
        for ref, vm in vms.items():
            known.note(ref, vm)
    except Opaque:
        return ""
    return known.token()


def machine_of(entry: Entry) -> str:
    return str(UUID(bytes=entry.machine))


def owner_of(entry: Entry) -> str:
    """Of a snapshot."""
    return _ref(entry.machine) if entry.machine != NOBODY else ""


def read(token: str) -> Journal | None:
    """None for a token that is empty, cut, or not one of ours."""
    version, _, rest = token.partition(":")
    position, _, packed = rest.partition(":")
    if version != VERSION or not POSITION.fullmatch(position):
        return None
    try:
        body = base64.b85decode(packed)
    except ValueError:
        return None
    rows, check = body[:-CHECK], body[-CHECK:]
    if len(rows) % SIZE or _check(rows) != check:
        return None
    journal = Journal(position)
    for at in range(0, len(rows), SIZE):
        row = rows[at : at + SIZE]
        journal.known[row[:16]] = Entry(row[16:17], row[17:33], row[33:49])
    return journal


def _check(rows: bytes) -> bytes:
    return hashlib.blake2b(rows, digest_size=CHECK).digest()
