"""The contract, kept by the simulated data centre."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, TypeVar

from hypervisors import contract
from hypervisors.contract import Capabilities, CreateMachine, Handle, Inventory, MachineFacts, Order, Progress
from hypervisors.errors import InvalidRequest
from hypervisors.simulated import changing, creating, filing, mapping, reshaping
from hypervisors.simulated.client import Client
from hypervisors.simulated.faults import NativeFault

SUFFIX = ".dc.sqlite3"
ALLOWED = re.compile(r"/[A-Za-z0-9._/+ -]+")

Fact = TypeVar("Fact")


class Simulated(contract.Hypervisor):
    """A data centre in one file. `Target.path` is the file; it must exist before the first call."""

    kind: ClassVar[str] = "simulated"
    capabilities: ClassVar[Capabilities] = Capabilities(**dict.fromkeys(contract.MEANINGS, True))

    def __init__(self, target: contract.Target) -> None:
        super().__init__(target)
        self.client = Client(
            target.path, who=target.username or "leasehold", timeout=target.timeout, clock=target.clock
        )

    @classmethod
    def validate(cls, target: contract.Target) -> None:
        path = PurePosixPath(target.path)
        if not path.is_absolute() or ".." in path.parts or not ALLOWED.fullmatch(target.path):
            raise InvalidRequest("Path: must be absolute, of letters, digits and . _ + - only, and without '..'.")
        if not target.path.endswith(SUFFIX) or path.name == SUFFIX:
            raise InvalidRequest(f"Path: the file's name must end in {SUFFIX}.")
        if not Path(path.parent).is_dir():
            raise InvalidRequest("Path: its folder does not exist.")

    @mapping.translated()
    def check(self) -> str:
        return self.client.about()

    @mapping.translated()
    def inventory(self) -> Inventory:
        gaps: list[str] = []
        read = self._reader(gaps)
        pools = read("pools", self.client.pools, lambda row: contract.PoolFacts(row["ref"], mapping.text(row["name"])))
        hosts = read("hosts", self.client.hosts, mapping.host_facts)
        datastores = read("datastores", self.client.datastores, mapping.datastore_facts)
        networks = read(
            "networks", self.client.networks, lambda row: contract.NetworkFacts(row["ref"], mapping.text(row["name"]))
        )
        images = read("images", self.client.images, mapping.image_facts)
        token = read("number of the last change", lambda: [self.client.last_change()], lambda last: _token(*last))
        machines = read("machines", self.client.machines, mapping.machine_facts)
        return Inventory(not gaps, pools, hosts, datastores, networks, images, machines, gaps, "".join(token))

    @staticmethod
    def _reader(gaps: list[str]) -> Callable[[str, Callable[[], Iterable[Any]], Callable[[Any], Fact]], list[Fact]]:
        def read(what: str, call: Callable[[], Iterable[Any]], fact: Callable[[Any], Fact]) -> list[Fact]:
            try:
                return [fact(row) for row in call()]
            except NativeFault as fault:
                if fault.code == "unreachable":
                    raise
                gaps.append(f"The {what} could not be read: {mapping.to_error(fault).message}")
                return []

        return read

    @mapping.translated()
    def machine(self, ref: str) -> MachineFacts:
        return mapping.machine_facts(self.client.machine(ref))

    @mapping.translated()
    def find(self, stamp: contract.Stamp) -> Sequence[MachineFacts]:
        return [mapping.machine_facts(seen) for seen in creating.find(self.client, stamp)]

    @mapping.translated()
    def changes(self, token: str) -> contract.Changes:
        identity, _, number = token.rpartition(":")
        since = int(number) if re.fullmatch(r"[0-9]{1,18}", number) else -1
        found = self.client.changed(identity, since)
        machines = [mapping.machine_facts(seen) for seen in found.seen]
        return contract.Changes(_token(found.identity, found.number), found.whole, machines, found.gone)

    @mapping.translated()
    def usage(self, refs: Sequence[str]) -> Sequence[contract.UsageSample]:
        return [mapping.usage_sample(use) for use in self.client.usage(refs)]

    @mapping.translated()
    def events(self, since: datetime) -> Sequence[contract.Event]:
        return [mapping.event(row) for row in self.client.events(since.astimezone(UTC))]

    @mapping.translated()
    def disk_files(self) -> contract.DiskFiles:
        return contract.DiskFiles(True, [mapping.disk_file(row) for row in self.client.disk_files()])

    @mapping.translated()
    def missing_rights(self) -> Sequence[str]:
        return self.client.missing_rights()

    @mapping.translated()
    def _submit(self, order: Order) -> Handle:
        match order:
            case CreateMachine():
                return creating.submit(self.client, order)
            case contract.Shutdown():
                return changing.submit_shutdown(self.client, order)
            case contract.RemoveMachine():
                return changing.submit_remove(self.client, order)
            case contract.Rename() | contract.DetachSeed():
                reshaping.at_once(self.client, order)
                return {}
            case contract.RetireDiskFile() | contract.RestoreDiskFile() | contract.RemoveDiskFile():
                return filing.submit(self.client, order)
            case _ if isinstance(order, changing.Plain):
                return changing.submit(self.client, order)
            case _:
                return reshaping.submit(self.client, order)

    @mapping.translated()
    def poll(self, order: Order, handle: Handle) -> Progress:
        self.guard_writes()
        match order:
            case CreateMachine():
                return creating.poll(self.client, order, handle)
            case contract.Shutdown():
                return changing.poll_shutdown(self.client, order, handle)
            case contract.RemoveMachine():
                return changing.poll_remove(self.client, order, handle)
            case contract.Rename() | contract.DetachSeed():
                return reshaping.at_once(self.client, order)
            case contract.RetireDiskFile() | contract.RestoreDiskFile() | contract.RemoveDiskFile():
                return filing.poll(self.client, order, handle)
            case _ if isinstance(order, changing.Plain):
                return changing.poll(self.client, order, handle)
            case _:
                return reshaping.poll(self.client, order, handle)

    @mapping.translated()
    def discard(self, stamp: contract.Stamp) -> None:
        self.guard_writes()
        creating.discard(self.client, stamp)

    def close(self) -> None:
        self.client.close()


def _token(identity: str, number: int) -> str:
    return f"{identity}:{number}"
