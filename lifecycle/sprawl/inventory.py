"""The inventory that was kept by hand, as CSV: tried line by line, then put in force in place of the one before it."""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from lifecycle import clock, csvfiles
from lifecycle.audit.actions import Actor, record
from lifecycle.errors import Conflict, Invalid
from lifecycle.estate.cleaning import cut
from lifecycle.estate.models import LIVE, Machine
from lifecycle.people.models import User
from lifecycle.people.permissions import require
from lifecycle.sprawl.asking import ask_attribution
from lifecycle.sprawl.attribution.directory import Directory
from lifecycle.sprawl.models import CmdbFile, CmdbRow
from lifecycle.sprawl.permissions import KEEP_INVENTORY

COLUMNS = ("name", "uuid", "address", "owner", "note")
MOST_BYTES = 20 * 1024 * 1024
MOST_ROWS = 100_000
NAMES = {
    "name": ("hostname", "host_name", "vm", "vm_name", "vmname", "machine", "ci", "ci_name", "asset"),
    "uuid": ("vm_uuid", "bios_uuid", "smbios_uuid"),
    "address": ("ip", "ip_address", "ipaddress", "ipv4", "addresses", "ip_addresses"),
    "owner": ("owned_by", "contact", "responsible", "assigned_to", "besitzer", "ansprechpartner", "verantwortlich"),
    "note": ("notes", "comment", "comments", "description", "remark", "bemerkung", "beschreibung"),
}
"""What else people call the columns."""
SHAPE = csvfiles.Shape(
    COLUMNS,
    needed=("owner",),
    names={other: column for column, others in NAMES.items() for other in others},
    most_bytes=MOST_BYTES,
    most_rows=MOST_ROWS,
)
BATCH = 1000

Outcome = CmdbRow.Outcome


@dataclass(frozen=True)
class _Estate:
    """What machines are called, one query for all of them."""

    keys: set[str]
    uuids: set[UUID]
    addresses: set[str]

    @classmethod
    def load(cls) -> _Estate:
        found = cls(set(), set(), set())
        machines = Machine.objects.filter(stage__in=LIVE).order_by()
        for name, uuid, addresses in machines.values_list("name", "uuid", "addresses").iterator():
            found.keys.add(name.casefold())
            found.uuids.add(uuid)
            found.addresses.update(str(each) for each in addresses or () if each)
        return found

    def has(self, row: CmdbRow) -> bool:
        return row.key in self.keys or row.uuid in self.uuids or row.address in self.addresses


def try_inventory(data: bytes, *, file_name: str, by: Actor) -> CmdbFile:
    """The dry run: what each line would say. Raises Invalid for the field `file` when the whole cannot be read.

    One that was tried before and never put in force goes.
    """
    require(by, KEEP_INVENTORY)
    sheet = csvfiles.read(data, SHAPE)
    if not sheet.rows[0].cells.keys() & {"name", "uuid", "address"}:
        raise Invalid(_("No column says which machine: name, uuid or address."), field="file")
    name = "".join(sign for sign in file_name if sign.isprintable()).strip()[-200:]
    rows = _rows(sheet)
    with transaction.atomic():
        CmdbFile.objects.filter(state=CmdbFile.State.TRIED).delete()
        made = CmdbFile.objects.create(
            file_name=name or _("without a name"),
            at=clock.now(),
            by=by if isinstance(by, User) else None,
            unknown=sheet.unknown,
        )
        for row in rows:
            row.file = made
        CmdbRow.objects.bulk_create(rows, batch_size=BATCH)
    return made


@transaction.atomic
def put_in_force(file: CmdbFile, *, by: Actor) -> CmdbFile:
    """From now on its lines are evidence, and those of the one before it are gone."""
    require(by, KEEP_INVENTORY)
    file = CmdbFile.objects.select_for_update(of=("self",)).get(pk=file.pk)
    if file.state != CmdbFile.State.TRIED:
        raise Conflict(_("This inventory is in force already."))
    former = CmdbFile.objects.filter(state=CmdbFile.State.IN_FORCE)
    before = former.values_list("file_name", flat=True).first() or ""
    former.delete()
    file.state, file.applied_at = CmdbFile.State.IN_FORCE, clock.now()
    file.save(update_fields=["state", "applied_at"])
    record("inventory.put_in_force", file, by=by, before=before, **counts(file))
    ask_attribution()
    return file


@transaction.atomic
def remove_inventory(file: CmdbFile, *, by: Actor) -> None:
    """Its lines say nothing any more."""
    require(by, KEEP_INVENTORY)
    file = CmdbFile.objects.select_for_update(of=("self",)).get(pk=file.pk)
    if file.state == CmdbFile.State.IN_FORCE:
        record("inventory.removed", file, by=by)
        ask_attribution()
    file.delete()


def counts(file: CmdbFile) -> dict[str, Any]:
    """How many lines came out how."""
    found = Counter(file.rows.order_by().values_list("outcome", flat=True).iterator())
    return {outcome.value: found.get(outcome.value, 0) for outcome in Outcome}


def _rows(sheet: csvfiles.Sheet) -> list[CmdbRow]:
    known, estate, rows = Directory.load(), _Estate.load(), []
    owners: dict[str, bool] = {}
    for given in sheet.rows:
        row = _row(given)
        if row.outcome != Outcome.REFUSED:
            if row.owner not in owners:
                owners[row.owner] = known.owner(row.owner) is not None
            if not owners[row.owner]:
                row.outcome = Outcome.OWNER_UNKNOWN
            elif not estate.has(row):
                row.outcome = Outcome.NO_MACHINE
        rows.append(row)
    return rows


def _row(given: csvfiles.Given) -> CmdbRow:
    cells = given.cells
    row = CmdbRow(
        number=given.number,
        name=cut(cells.get("name", ""), 255),
        key=cut(cells.get("name", "").casefold(), 255),
        owner=cut(cells.get("owner", ""), 255),
        note=cut(cells.get("note", ""), 500),
        outcome=Outcome.FITS,
    )
    try:
        row.uuid, row.address = _uuid(cells.get("uuid", "")), _address(cells.get("address", ""))
    except ValueError as error:
        given = csvfiles.Given(given.number, cells, given.wrong or str(error))
    row.problem = cut(given.wrong or _missing(row), 250)
    if row.problem:
        row.outcome = Outcome.REFUSED
    return row


def _missing(row: CmdbRow) -> str:
    if not row.owner:
        return _("It names no owner.")
    if not (row.key or row.uuid or row.address):
        return _("It names no machine.")
    return ""


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise ValueError(_("%(text)s is no UUID.") % {"text": cut(text, 60)}) from None


def _address(text: str) -> str:
    """As hypervisors tell it; of several the first."""
    first = text.replace(",", " ").replace(";", " ").split()[:1]
    try:
        return str(ipaddress.ip_address(first[0].partition("/")[0])) if first else ""
    except ValueError:
        raise ValueError(_("%(text)s is no address.") % {"text": cut(text, 60)}) from None
