"""KVM through libvirt: an endpoint is one or several hosts, and they are one pool. `storage` tells what they need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from hypervisors.checks import check_creation
from hypervisors.contract import (
    Annotate,
    Capabilities,
    Changes,
    CreateMachine,
    DiskFiles,
    FileOrder,
    Handle,
    Hypervisor,
    Inventory,
    MachineFacts,
    Order,
    Progress,
    RemoveDiskFile,
    RemoveMachine,
    RestoreDiskFile,
    RetireDiskFile,
    Stamp,
    Target,
    UsageSample,
)
from hypervisors.errors import InvalidRequest, NotFound
from hypervisors.kvm import creation, domains, estate, files, filing, places, removal, using, work
from hypervisors.kvm.client import Client
from hypervisors.kvm.hosts import Hosts
from hypervisors.kvm.work import STEP_OF


class Kvm(Hypervisor):
    """One or several libvirt hosts. Not shared between threads; a lost connection is opened anew by the next call."""

    kind: ClassVar[str] = "kvm"
    capabilities: ClassVar[Capabilities] = Capabilities(
        guest_shutdown=True,
        progress=True,
        suspend=True,
        resize=True,
        disks=True,
        nics=True,
        snapshots=True,
        rename=True,
        seed=True,
        changes=True,
        usage=True,
        disk_files=True,
        retire_files=True,
    )
    copy_limit: ClassVar[int] = 0
    """MiB per second that copying an image into a disk may take; 0 is no limit."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._hosts = Hosts(target, places.places(target))

    @classmethod
    def validate(cls, target: Target) -> None:
        places.places(target)

    @classmethod
    def tls_port(cls, target: Target) -> int | None:
        return places.TLS_PORT if target.transport == "tls" else None

    def check(self) -> str:
        with self._hosts.deadline():
            asked = self._hosts.ask(lambda client: client.version(), last=True)
        said = dict.fromkeys(f"libvirt {_version(lib)}, QEMU {_version(qemu)}" for _, (lib, qemu) in asked.answers)
        missing = [f"{place} does not answer: {error.message}" for place, error in asked.silent]
        return "; ".join([*said, *missing])

    def inventory(self) -> Inventory:
        with self._hosts.deadline():
            return estate.inventory(self._hosts)

    def changes(self, token: str) -> Changes:
        with self._hosts.deadline():
            return estate.changes(self._hosts, token)

    def machine(self, ref: str) -> MachineFacts:
        with self._hosts.deadline():
            return estate.machine(self._hosts, ref)

    def find(self, stamp: Stamp) -> Sequence[MachineFacts]:
        with self._hosts.deadline():
            return estate.find(self._hosts, stamp)

    def usage(self, refs: Sequence[str]) -> Sequence[UsageSample]:
        with self._hosts.deadline():
            return using.usage(self._hosts, refs)

    def disk_files(self) -> DiskFiles:
        with self._hosts.deadline():
            return files.disk_files(self._hosts)

    def _submit(self, order: Order) -> Handle:
        with self._hosts.deadline():
            if isinstance(order, CreateMachine):
                check_creation(order)
                return self._create(order, {}).handle or {}
            if isinstance(order, FileOrder):
                return filing.advance(self._hosts, order, {}).handle or {}
            handle = {"step": STEP_OF[type(order)], "uuid": order.ref}
            if isinstance(order, RemoveMachine):
                return {**handle, "left": "\n".join(self._remove(order))}
            return self._carry_out(order, handle, first=True).handle or handle

    def poll(self, order: Order, handle: Handle) -> Progress:
        self.guard_writes()
        with self._hosts.deadline():
            match order:
                case CreateMachine():
                    return self._create(order, handle)
                case RemoveMachine():
                    self._remove(order)
                    return Progress(done=True, percent=100, step=STEP_OF[RemoveMachine])
                case RetireDiskFile() | RestoreDiskFile() | RemoveDiskFile():
                    return filing.advance(self._hosts, order, handle)
                case _:
                    return self._carry_out(order, handle, first=False)

    def discard(self, stamp: Stamp) -> None:
        self.guard_writes()
        with self._hosts.deadline():
            removal.discard(self._hosts, stamp)

    def close(self) -> None:
        self._hosts.close()

    def _create(self, order: CreateMachine, handle: Handle) -> Progress:
        before = handle.get("host", "")
        progress, at = creation.advance(self._hosts, order, bandwidth=self.copy_limit, at=before)
        told = {"step": progress.step, "uuid": str(order.stamp.uuid), "host": at}
        return Progress(progress.done, progress.percent, progress.step, progress.ref, told)

    def _remove(self, order: RemoveMachine) -> list[str]:
        removal.check(order.ref, order.uuid)
        try:
            client, uuid = self._held(order)
        except NotFound:
            return []
        return removal.remove(self._hosts, client, uuid)

    def _carry_out(self, order: work.OnMachine, handle: Handle, *, first: bool) -> Progress:
        work.check(order)
        try:
            client, uuid = self._held(order)
            return work.carry_out(self._hosts, client, uuid, order, handle, first=first)
        except NotFound:
            if not work.is_done_when_gone(self._hosts, order, first=first):
                raise
            return work.done(order)

    def _held(self, order: work.OnMachine | RemoveMachine) -> tuple[Client, str]:
        """Where the machine is. InvalidRequest for one that something else manages."""
        client, uuid = self._hosts.holder(order.ref)
        if isinstance(order, Annotate):
            return client, uuid
        domain = domains.understood(client.xml(uuid))
        if domain is not None and domain.managed_by:
            raise InvalidRequest(f"This machine is managed by {domain.managed_by}; it is changed there.")
        return client, uuid


def _version(number: int) -> str:
    return f"{number // 1_000_000}.{number // 1_000 % 1_000}.{number % 1_000}"
