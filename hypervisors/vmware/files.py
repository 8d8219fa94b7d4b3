"""Disks as storage sees them: every disk file on every datastore, and the machines that have it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from pyVmomi import vim

from hypervisors import retired
from hypervisors.contract import DiskFile, DiskFiles
from hypervisors.vmware import estate, machines
from hypervisors.vmware.client import Client
from hypervisors.vmware.mapping import unescaped
from hypervisors.vmware.rows import Row, reference
from hypervisors.words import line

MARGIN = 0.25
"""Part of the time-out that is kept for reading what was found."""
PARTS = re.compile(r"-(?:flat|delta|sesparse|ctk|rdm|rdmp|digest|digest-flat|s\d{3}|f\d{3})\.vmdk$")
"""Files that belong to a disk and are none themselves."""
KEPT = (
    (re.compile(r"(?:^|/)(?:fcd|catalog)/"), "first-class disk"),
    (re.compile(r"(?:^|/)contentlib-"), "content library"),
    (re.compile(r"(?:^|/)hbrdisk\.", re.IGNORECASE), "replica"),
    (re.compile(r"(?:^|/)\.[^/]+/"), "kept by the system"),
)
"""Where disks lie that no machine mounts and that somebody needs all the same."""

DELTA = re.compile(r"-\d{6}\.vmdk$")
CHAIN = "part of a chain of disks"
"""What snapshots make. Only a machine tells which of them lies on which: of a lost one, nobody knows."""

Place = tuple[str, str]
"""Datastore, and the path on it."""


@dataclass
class _Used:
    """Which machines have a file, and how large a disk it is to them."""

    by: dict[Place, list[str]] = field(default_factory=lambda: defaultdict(list))
    sizes: dict[Place, int] = field(default_factory=dict)


def disk_files(client: Client) -> DiskFiles:
    with client.view(vim.VirtualMachine, vim.Datastore) as view:
        paths = {vim.Datastore: ("name", "browser", "summary.accessible")}
        rows = list(client.read(client.through(view, paths, list_too=True)))
    stores = {row.ref: row for row in rows if row.kind == "Datastore"}
    everything = next(row.get("view", ()) for row in rows if row.kind == "ContainerView")
    gaps = [_silent(row) for row in stores.values() if not row.get("summary.accessible")]
    found = list(_found(client, [row for row in stores.values() if row.get("summary.accessible")], gaps))
    refs = [reference(one) for one in everything if isinstance(one, vim.VirtualMachine)]
    used = _used(client, refs, stores, gaps)
    starts = {(store, chain_of(path)) for (store, path), _told in found if chain_of(path) != path}
    files = [_file(place, told, used, in_chain=(place[0], chain_of(place[1])) in starts) for place, told in found]
    return DiskFiles(complete=not gaps, files=files, gaps=gaps)


def _silent(row: Row) -> str:
    return f"Datastore {line(unescaped(row.get('name', row.ref)))} could not be read."


def _found(client: Client, stores: Iterable[Row], gaps: list[str]) -> Iterator[tuple[Place, Any]]:
    """All datastores are searched at once; one that takes too long is a gap."""
    spec = vim.host.DatastoreBrowser.SearchSpec(
        matchPattern=["*.vmdk"],
        details=vim.host.DatastoreBrowser.FileInfo.Details(
            fileType=True, fileSize=True, modification=True, fileOwner=False
        ),
    )
    tasks = {row.ref: row.get("browser").SearchDatastoreSubFolders_Task(f"[{row.get('name')}]", spec) for row in stores}
    client.wait(list(tasks.values()), margin=MARGIN)
    for row in stores:
        state = client.task(reference(tasks[row.ref]))
        if state is None or state.running or state.error is not None:
            gaps.append(_silent(row))
            continue
        for folder in state.value or ():
            inside = folder.folderPath.removeprefix(f"[{row.get('name')}]").strip(" /")
            for one in folder.file or ():
                path = f"{inside}/{one.path}".lstrip("/")
                if not PARTS.search(path):
                    yield (row.ref, path), one


def _used(client: Client, refs: list[str], stores: Mapping[str, Row], gaps: list[str]) -> _Used:
    """Disks that machines mount, what these lie on, and all that is listed as theirs: snapshots count too."""
    used = _Used()
    names: dict[str, list[str]] = defaultdict(list)
    for store in stores.values():
        names[store.get("name", "")].append(store.ref)
    for row in client.read_chunks(vim.VirtualMachine, refs, ["config.hardware.device", "layoutEx.file"]):
        if "config.hardware.device" in row.missing:
            gaps.append(f"Disks of machine {row.ref} could not be read.")
        for disk in machines.disks(row):
            for path in machines.chain(disk):
                for place in _places(path, names):
                    used.by[place].append(row.ref)
                    used.sizes[place] = machines.mib(disk)
        for listed in row.get("layoutEx.file") or ():
            for place in _places(listed.name, names):
                used.by[place].append(row.ref)
    return used


def _places(path: str, names: Mapping[str, list[str]]) -> list[Place]:
    """Two data centres may have datastores of one name: then the file counts as used on both."""
    name, _, inside = path.partition("] ")
    return [(ref, inside.strip("/")) for ref in names.get(name.removeprefix("["), ())]


def chain_of(path: str) -> str:
    """The first disk of the chain that this one is part of, by its name; itself when it is the first."""
    return DELTA.sub(".vmdk", path)


def kept_for(path: str, *, in_chain: bool) -> str:
    if why := next((why for pattern, why in KEPT if pattern.search(path)), ""):
        return why
    if not retired.tellable(path):
        return retired.UNTELLABLE
    return CHAIN if in_chain else ""


def _file(place: Place, told: Any, used: _Used, *, in_chain: bool) -> DiskFile:
    store, path = place
    return DiskFile(
        ref=file_ref(store, path),
        name=path if retired.tellable(path) else line(path),
        datastore_ref=store,
        size_mib=used.sizes.get(place) or -(-(told.fileSize or 0) // estate.MIB),
        used_by=list(dict.fromkeys(used.by.get(place, ()))),
        kept_for=kept_for(path, in_chain=in_chain),
        changed_at=told.modification.astimezone(UTC) if told.modification else None,
    )


def file_ref(store: str, path: str) -> str:
    return f"{store}:{path}"
