"""What has changed since a token: XAPI's journal says which objects, and the machines around them are read anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from hypervisors.contract import Changes
from hypervisors.errors import InvalidRequest
from hypervisors.xen import estate, facts, journal, mapping
from hypervisors.xen.client import Client
from hypervisors.xen.estate import TABLES, Places, Reader
from hypervisors.xen.facts import Seen
from hypervisors.xen.journal import Journal, Opaque

Record = Mapping[str, Any]

WATCHED = ["vm", "vbd", "vif", "vdi", "vm_guest_metrics"]
EVERYTHING = [*WATCHED, "vm_metrics"]
AT_ONCE = 0.0
"""Seconds that XAPI shall wait for something to happen."""
MOST = 500
"""Machines that are read one by one; of more, all are."""
CHUNK = 1000
"""Objects that are asked for at once."""
BY_CLASS = {cls.lower(): name for cls, name in TABLES.items()}


class Batch(NamedTuple):
    position: str
    events: list[Record]
    vms: int
    """How many VMs there are, templates and snapshots among them."""


def changes(client: Client, places: Places, token: str) -> Changes:
    known = journal.read(token)
    try:
        if known is not None and (told := _since(client, places, known)) is not None:
            return told
        return _everything(client, places)
    except Opaque:
        return _without_journal(client)


def _ask(client: Client, classes: list[str], position: str) -> Batch:
    answer = client.call("event.from", classes, position, AT_ONCE)
    events: list[Record] = [event for event in answer["events"] if isinstance(event, dict)]
    return Batch(str(answer["token"]), events, mapping.number(answer["valid_ref_counts"].get("vm", -1), -1))


def _everything(client: Client, places: Places) -> Changes:
    """One read of all: the journal from its beginning tells every object as it is."""
    batch, seen = _ask(client, EVERYTHING, ""), Seen()
    _take(seen, batch.events)
    known = Journal(batch.position)
    for ref, vm in seen.vms.items():
        known.note(ref, vm)
    _place(seen, places)
    reader = Reader(client)
    machines = reader.told("machines", (ref for ref, _ in facts.machines(seen)), lambda ref: facts.machine(seen, ref))
    return Changes(known.token(), True, machines, complete=not reader.gaps, gaps=reader.gaps[:100])


def _without_journal(client: Client) -> Changes:
    scan = estate.inventory(client)
    return Changes("", True, scan.machines, complete=scan.complete, gaps=scan.gaps)


def _take(seen: Seen, events: Iterable[Record]) -> None:
    for event in events:
        if isinstance(event.get("snapshot"), dict) and event["class"] in BY_CLASS:
            getattr(seen, BY_CLASS[event["class"]])[str(event["ref"])] = event["snapshot"]


def _place(seen: Seen, places: Places) -> None:
    needed = {vm["resident_on"] for _, vm in facts.machines(seen)}
    needed |= {vdi["SR"] for vdi in seen.vdis.values()} | {vif["network"] for vif in seen.vifs.values()}
    seen.places = places.uuids(needed)
    seen.pool = places.pool


def _since(client: Client, places: Places, known: Journal) -> Changes | None:
    """None when the journal does not reach back so far, or so much has changed that all is read faster."""
    try:
        batch = _ask(client, WATCHED, known.position)
    except InvalidRequest:  # the position is not understood any more
        return None
    seen = Seen()
    _take(seen, batch.events)
    touched, gone = _touched(client, seen, known, batch.events)
    if len(known.known) != batch.vms or len(touched) > MOST:
        return None
    known.position = batch.position
    machines = _read(client, places, seen, touched)
    told = {machine.ref for machine in machines}
    return Changes(known.token(), False, machines, gone=sorted(gone - told))


def _touched(client: Client, seen: Seen, known: Journal, events: Iterable[Record]) -> tuple[set[str], set[str]]:
    """References of machines that something happened to, and UUIDs of those that are none any more."""
    touched: set[str] = set()
    gone: set[str] = set()
    drives: set[str] = set()
    guests: set[str] = set()
    for event in events:
        cls, ref, record = event["class"], str(event["ref"]), event.get("snapshot")
        if cls == "vm":
            before = known.forget(ref) if record is None else known.note(ref, record)
            touched |= _owners(ref, record)
            if before is not None and before.kind == journal.SNAPSHOT:
                touched.add(journal.owner_of(before))
            elif (
                before is not None and before.kind == journal.MACHINE and known.known.get(journal.packed(ref)) != before
            ):
                gone |= {journal.machine_of(before)} if record is None or not facts.is_machine(record) else set()
        elif record is not None and cls in ("vbd", "vif"):
            touched.add(str(record["VM"]))
        elif record is not None and cls == "vdi":
            drives |= set(mapping.refs(record["VBDs"]))
        elif cls == "vm_guest_metrics":
            guests.add(ref)
    touched |= known.of_guests(guests)
    _fetch(client, seen, {"vbds": drives})
    touched |= {str(seen.vbds[drive]["VM"]) for drive in drives if drive in seen.vbds}
    return touched - {"", mapping.NULL}, gone


def _owners(ref: str, record: Record | None) -> set[str]:
    if record is None:
        return set()
    return {str(record["snapshot_of"])} if record["is_a_snapshot"] else {ref}


def _read(client: Client, places: Places, seen: Seen, touched: set[str]) -> list[Any]:
    """In as many calls for many machines as for one."""
    _fetch(client, seen, {"vms": touched})
    vms = [seen.vms[ref] for ref in sorted(touched) if ref in seen.vms and facts.is_machine(seen.vms[ref])]
    _fetch(
        client,
        seen,
        {
            "vms": {ref for vm in vms for ref in mapping.refs(vm["snapshots"])},
            "vbds": {ref for vm in vms for ref in mapping.refs(vm["VBDs"])},
            "vifs": {ref for vm in vms for ref in mapping.refs(vm["VIFs"])},
            "guests": set(mapping.refs([vm["guest_metrics"] for vm in vms])),
            "metrics": set(mapping.refs([vm["metrics"] for vm in vms])),
        },
    )
    _fetch(client, seen, {"vdis": set(mapping.refs([vbd["VDI"] for vbd in seen.vbds.values()]))})
    if vms:
        _place(seen, places)
    refs = (ref for ref in sorted(touched) if ref in seen.vms and facts.is_machine(seen.vms[ref]))
    return [facts.machine(seen, ref) for ref in refs]


def _fetch(client: Client, seen: Seen, wanted: Mapping[str, set[str]]) -> None:
    """The journal of single objects, from its beginning, tells them as they are; of what is gone, nothing."""
    classes = {name: cls for cls, name in BY_CLASS.items()}
    asked = [
        f"{classes[name]}/{ref}" for name, refs in wanted.items() for ref in sorted(refs - set(getattr(seen, name)))
    ]
    for at in range(0, len(asked), CHUNK):
        _take(seen, _ask(client, asked[at : at + CHUNK], "").events)
