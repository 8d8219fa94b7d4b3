"""Orders on disk files of no machine: each time all hosts are looked at, and folders as they are now; then one step."""

from __future__ import annotations

from dataclasses import dataclass

from hypervisors import retired
from hypervisors.contract import FileOrder, Handle, Progress, RemoveDiskFile, RestoreDiskFile, RetireDiskFile
from hypervisors.errors import HypervisorError, NameTaken, NotFound, WrongState
from hypervisors.kvm import copying, files, owning
from hypervisors.kvm.files import Files, Found
from hypervisors.kvm.hosts import Hosts

ATTEMPTS = 3
"""How often a copy is begun that comes to nothing."""


@dataclass(frozen=True)
class Renaming:
    """One look at a file that is to have another name."""

    hosts: Hosts
    seen: Files
    order: RetireDiskFile | RestoreDiskFile
    handle: Handle

    def step(self, found: Found) -> Progress:
        name = self._new_name(found.told.name)
        if name == found.told.name:
            return _done(self.order.file_ref)
        ref = _beside(self.seen, self.order.file_ref, name)
        copy = self.seen.found.get(ref)
        if copy is not None and not copying.is_begun(found.client, found.pool.name, self.order.key):
            if isinstance(self.order, RestoreDiskFile):
                raise NameTaken("Something else has the name that the file had; nothing was touched.")
            return _done(ref)  # what has the first name now is another file
        _check_place(found)
        retired.check_unused(found.told)
        if copy is None:
            return self._begin(found, name)
        retired.check_unused(copy.told)
        return self._end(found, copy)

    def _new_name(self, name: str) -> str:
        if isinstance(self.order, RetireDiskFile):
            return name if retired.is_retired(name, self.order.key) else retired.new_path(name, self.order.key)
        if name != self.order.name:
            retired.check_former(name, self.order)
        return self.order.name

    def _begin(self, found: Found, name: str) -> Progress:
        client, pool, first = found.client, found.pool, found.told.name
        copying.check(client, pool, first)
        begun = int(self.handle.get("begun", "0"))
        if begun >= ATTEMPTS:
            copying.clear_marks(client, pool.name, self.order.key)
            raise HypervisorError("The host has ended each copy of the file before it was whole; its log says why.")
        copying.begin(client, pool.name, first, name, self.order.key)
        place = {"host": self.hosts.said[client], "pool": pool.name, "from": first, "to": name}
        return Progress(False, 0, "copying", handle={**self.handle, **place, "begun": str(begun + 1)})

    def _end(self, found: Found, copy: Found) -> Progress:
        """The first file goes when nobody can doubt the copy."""
        client, pool, first, key = found.client, found.pool.name, found.told.name, self.order.key
        if copying.is_whole(client, pool, first, copy.told.name, key):
            owning.delete(client, pool, first)
            copying.clear_marks(client, pool, key)
            return _done(copy.told.ref)
        left = copying.give_up_later(client, pool, copy.told.name, key, self.handle)
        return Progress(False, 0, "copying", handle={**self.handle, **left})

    def renamed_before(self) -> Progress:
        """By an earlier attempt: then it has the name that follows."""
        name = _name_in(self.seen, self.order.file_ref)
        if isinstance(self.order, RetireDiskFile):
            new = retired.retired_path(name, self.order.key)
        else:
            retired.check_former(name, self.order)
            new = self.order.name
        found = self.seen.found.get(_beside(self.seen, self.order.file_ref, new))
        if found is None:
            raise NotFound("There is no such file on this endpoint.")
        copying.clear_marks(found.client, found.pool.name, self.order.key)
        return _done(found.told.ref)


def advance(hosts: Hosts, order: FileOrder, handle: Handle) -> Progress:
    retired.check_order(order)
    if (percent := _under_way(hosts, handle)) is not None:
        return Progress(False, percent, "copying")
    seen = files.looked_anew(hosts)
    if seen.gaps:
        raise WrongState(f"Not all that may use the file can be seen; nothing was touched. {seen.gaps[0]}")
    found = seen.found.get(order.file_ref)
    if isinstance(order, RemoveDiskFile):
        return _remove(found, order)
    renaming = Renaming(hosts, seen, order, handle)
    return renaming.renamed_before() if found is None else renaming.step(found)


def _under_way(hosts: Hosts, handle: Handle) -> int | None:
    """For as long as libvirt copies, nothing else need be looked at."""
    client = next((client for client in hosts.clients if hosts.said[client] == handle.get("host")), None)
    if client is None:
        return None
    return copying.percent(client, handle["pool"], handle["from"], handle["to"])


def _done(ref: str) -> Progress:
    return Progress(True, 100, "renaming", ref)


def _parted(seen: Files, ref: str) -> tuple[str, str]:
    """A reference without the host that it names at its end, and that."""
    path, at, host = ref.rpartition("@")
    return (path, at + host) if host in seen.hosts else (ref, "")


def _name_in(seen: Files, ref: str) -> str:
    return _parted(seen, ref)[0].rpartition("/")[2]


def _beside(seen: Files, ref: str, name: str) -> str:
    """The reference of a file of this name in the same folder."""
    path, host = _parted(seen, ref)
    return f"{path.rpartition('/')[0]}/{name}{host}"


def _check_place(found: Found) -> None:
    if not found.pool.of_machines:
        raise WrongState("The file lies in a pool that nothing is deleted from; nothing was touched.")


def _remove(found: Found | None, order: RemoveDiskFile) -> Progress:
    done = Progress(True, 100, "removing")
    if found is None:
        return done
    retired.check_retired(found.told.name, order.key)
    _check_place(found)
    retired.check_unused(found.told)
    if copying.is_begun(found.client, found.pool.name, order.key):
        raise WrongState("The file is being renamed, or that was broken off: have it restored first.")
    owning.delete(found.client, found.pool.name, found.told.name)
    return done
