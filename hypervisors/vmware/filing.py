"""Orders on disk files of no machine: one task each, and before it a look at the folder and at all machines that have
something on this storage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any

from pyVmomi import vim

from hypervisors import retired
from hypervisors.contract import DiskFile, FileOrder, Handle, Progress, RemoveDiskFile, RestoreDiskFile, RetireDiskFile
from hypervisors.errors import Busy, NameTaken, NotFound, WrongState
from hypervisors.vmware import estate, files, machines, places
from hypervisors.vmware.client import Client
from hypervisors.vmware.rows import Row, reference

STORE = ("name", "browser", "summary.accessible", "info", "vm")
OF_MACHINES = ("config.hardware.device", "layoutEx.file")
MARGIN = 0.25
"""Part of the time-out that is kept for what comes after the search."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look led to: it is done, or a task was begun."""

    ref: str | None
    """Of the file, when it is done."""
    task: str = ""


@dataclass(frozen=True)
class Folder:
    """Where a file lies."""

    client: Client
    store: Row
    path: str
    """Of the folder on its datastore; empty for the uppermost."""
    names: Set[str]
    """Of the disk files in it."""

    def inside(self, name: str) -> str:
        return f"{self.path}/{name}".lstrip("/")

    def ref(self, name: str) -> str:
        return files.file_ref(self.store.ref, self.inside(name))

    def full(self, name: str) -> str:
        return f"[{self.store.get('name')}] {self.inside(name)}"


def submit(client: Client, order: FileOrder) -> Handle:
    retired.check_order(order)
    look = _look(client, order)
    return {"task": look.task, "state": "begun" if look.ref is None else "done"}


def poll(client: Client, order: FileOrder, handle: Handle) -> Progress:
    step = "removing" if isinstance(order, RemoveDiskFile) else "renaming"
    state = client.task(handle["task"]) if handle.get("task") else None
    if state is not None and state.running:
        return Progress(False, min(state.percent, 99), step)
    failed = state.error if state is not None else None
    look = _look(client, order, failed=failed)
    if look.ref is not None:
        return Progress(True, 100, step, look.ref)
    return Progress(False, 0, step, handle={**handle, "task": look.task, "state": "begun"})


def _look(client: Client, order: FileOrder, *, failed: Exception | None = None) -> Look:
    """A task that failed beside a file that is as it should be has not failed."""
    try:
        folder, name = _place(client, order)
    except NotFound:
        if isinstance(order, RemoveDiskFile):
            return Look("")
        raise
    wanted = _wanted(folder, name, order)
    if isinstance(order, RemoveDiskFile) and name not in folder.names:
        return Look("")
    if wanted in folder.names:
        if isinstance(order, RestoreDiskFile) and name in folder.names and name != wanted:
            raise NameTaken("Something else has the name that the file had; nothing was touched.")
        return Look(folder.ref(wanted))  # retired: what has the first name now, if anything, is another file
    if isinstance(failed, vim.fault.FileNotFound) and name in folder.names:
        raise WrongState("A part of the disk is missing: it can be neither renamed nor removed as a disk.")
    if failed is not None:
        raise client.mapped(failed)
    return Look(None, _begin(folder, order, name, wanted))


def _wanted(folder: Folder, name: str, order: FileOrder) -> str:
    """The name that the file is to have; none when it is to go."""
    match order:
        case RemoveDiskFile():
            retired.check_retired(name, order.key)
            return ""
        case RetireDiskFile():
            return name if retired.is_retired(name, order.key) else retired.retired_path(name, order.key)
        case RestoreDiskFile():
            if order.name != folder.inside(name):
                retired.check_former(folder.inside(name), order)
            return order.name.rpartition("/")[2]


def _begin(folder: Folder, order: FileOrder, name: str, wanted: str) -> str:
    """Returns the task."""
    client = folder.client
    if name not in folder.names:
        raise NotFound("There is no such file on this datastore.")
    if isinstance(order, RetireDiskFile):
        retired.new_path(folder.inside(name), order.key)
    retired.check_unused(_told(folder, name))
    centre, manager = places.datacenter_of(client, _store_of(folder)), client.content.virtualDiskManager
    if isinstance(order, RemoveDiskFile):
        return reference(manager.DeleteVirtualDisk_Task(folder.full(name), centre))
    return reference(manager.MoveVirtualDisk_Task(folder.full(name), centre, folder.full(wanted), centre, False))


def _store_of(folder: Folder) -> Any:
    return folder.client.object(vim.Datastore, folder.store.ref)


def _place(client: Client, order: FileOrder) -> tuple[Folder, str]:
    """The folder of a file, as it is now, and the file's name in it."""
    store, _, path = order.file_ref.partition(":")
    if not path or not estate.is_plain(store):
        raise NotFound("There is no such file on this endpoint.")
    row = client.read_one(client.object(vim.Datastore, store), STORE)
    if row is None and isinstance(order, RemoveDiskFile):
        raise WrongState("The datastore of the file is not on this endpoint: whether it is gone, nobody can tell.")
    if row is None:
        raise NotFound("The datastore of the file is not on this endpoint.")
    if not row.get("summary.accessible"):
        raise Busy("No host can reach the datastore of the file now.")
    folder, _, name = path.rpartition("/")
    return Folder(client, row, folder, _names(client, row, folder)), name


def _names(client: Client, store: Row, folder: str) -> Set[str]:
    """A folder that is gone holds nothing."""
    spec = vim.host.DatastoreBrowser.SearchSpec(matchPattern=["*.vmdk"])
    task = store.get("browser").SearchDatastore_Task(f"[{store.get('name')}] {folder}".rstrip(), spec)
    client.wait([task], margin=MARGIN)
    state = client.task(reference(task))
    if state is None or state.running:
        raise Busy("The folder of the file could not be read in time.")
    if isinstance(state.error, vim.fault.FileNotFound):
        return set()
    if state.error is not None:
        raise client.mapped(state.error)
    return {one.path for one in state.value.file or ()}


def _told(folder: Folder, name: str) -> DiskFile:
    path = folder.inside(name)
    users = list(_users(folder, path))
    starts = {files.chain_of(one) for one in folder.names if files.chain_of(one) != one}
    kept_for = files.kept_for(path, in_chain=files.chain_of(name) in starts)
    return DiskFile(folder.ref(name), path, folder.store.ref, 0, users, kept_for)


def _users(folder: Folder, path: str) -> Iterator[str]:
    """Machines and images that have the file, at any depth or in a snapshot. One that cannot be read may."""
    stores = _same_storage(folder)
    names = {f"[{store.get('name')}] {path}" for store in stores}
    refs = list(dict.fromkeys(reference(one) for store in stores for one in store.get("vm") or ()))
    for row in folder.client.read_chunks(vim.VirtualMachine, refs, OF_MACHINES):
        if "config.hardware.device" not in row.props:
            raise Busy(f"What machine {row.ref} uses cannot be read now; nothing was touched.")
        mounted = {one for disk in machines.disks(row) for one in machines.chain(disk)}
        if names & (mounted | {one.name for one in row.get("layoutEx.file") or ()}):
            yield row.ref


def _same_storage(folder: Folder) -> Sequence[Row]:
    """One share may be mounted in two data centres, and is a datastore in each."""
    identity = estate.identity(folder.store.get("info"))
    if not identity:
        return [folder.store]
    with folder.client.view(vim.Datastore) as view:
        rows = list(folder.client.read(folder.client.through(view, {vim.Datastore: ("name", "info", "vm")})))
    return [row for row in rows if row.ref == folder.store.ref or estate.identity(row.get("info")) == identity]
