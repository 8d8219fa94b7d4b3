"""What machines used, and what the account may not do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

from pyVmomi import vim, vmodl

from hypervisors.contract import UsageSample
from hypervisors.vmware import estate
from hypervisors.vmware.client import Client
from hypervisors.vmware.rows import Row, reference

REAL_TIME = 20
"""Seconds of the window that hosts keep at hand; longer ones come from the database, where few are given at once."""
TOGETHER = 250
"""Machines in one question: a vCenter reads them from many hosts, and must be done in time."""
SPELLED = {
    "cpu.used.summation": "cpu",
    "mem.active.average": "memory",
    "virtualDisk.read.average": "read",
    "virtualDisk.write.average": "written",
    "net.received.average": "received",
    "net.transmitted.average": "sent",
}
"""Counters by name; their numbers differ from one vCenter to the next."""
EACH = {"read", "written"}
"""Counted disk by disk."""

RIGHTS = (
    "System.Read",
    "Datastore.AllocateSpace",
    "Datastore.Browse",
    "Datastore.FileManagement",
    "Global.ManageCustomFields",
    "Global.SetCustomField",
    "Network.Assign",
    "Resource.AssignVMToPool",
    "VirtualMachine.Config.AddExistingDisk",
    "VirtualMachine.Config.AddNewDisk",
    "VirtualMachine.Config.AddRemoveDevice",
    "VirtualMachine.Config.AdvancedConfig",
    "VirtualMachine.Config.Annotation",
    "VirtualMachine.Config.CPUCount",
    "VirtualMachine.Config.DiskExtend",
    "VirtualMachine.Config.EditDevice",
    "VirtualMachine.Config.Memory",
    "VirtualMachine.Config.RemoveDisk",
    "VirtualMachine.Config.Rename",
    "VirtualMachine.Config.Settings",
    "VirtualMachine.Interact.PowerOff",
    "VirtualMachine.Interact.PowerOn",
    "VirtualMachine.Interact.Reset",
    "VirtualMachine.Interact.Suspend",
    "VirtualMachine.Inventory.CreateFromExisting",
    "VirtualMachine.Inventory.Delete",
    "VirtualMachine.Provisioning.DeployTemplate",
    "VirtualMachine.State.CreateSnapshot",
    "VirtualMachine.State.RemoveSnapshot",
    "VirtualMachine.State.RevertToSnapshot",
)
"""What the calls of this adapter need."""


def usage(client: Client, refs: Sequence[str]) -> Iterator[UsageSample]:
    plain = [ref for ref in dict.fromkeys(refs) if estate.is_plain(ref)]
    rows = client.read_chunks(vim.VirtualMachine, plain, ["runtime.powerState"])
    running = [row.ref for row in rows if row.get("runtime.powerState") == "poweredOn"]
    counters = client.keep("counters", lambda: _counters(client))
    metrics = [
        vim.PerformanceManager.MetricId(counterId=number, instance="*" if name in EACH else "")
        for number, name in counters.items()
    ]
    for start in range(0, len(running), TOGETHER):
        specs = [
            vim.PerformanceManager.QuerySpec(
                entity=client.object(vim.VirtualMachine, ref), maxSample=1, intervalId=REAL_TIME, metricId=metrics
            )
            for ref in running[start : start + TOGETHER]
        ]
        yield from (_sample(one, counters) for one in _asked(client, specs) if one.sampleInfo)


def _asked(client: Client, specs: list[Any]) -> Sequence[Any]:
    """One machine that is gone fails the question for all: the others are asked for again."""
    while specs:
        try:
            return client.content.perfManager.QueryPerf(specs) or ()
        except vmodl.fault.ManagedObjectNotFound as error:
            left = [spec for spec in specs if reference(spec.entity) != reference(error.obj)]
            if len(left) == len(specs):
                raise
            specs = left
    return ()


def _counters(client: Client) -> dict[int, str]:
    row = client.read_one(client.content.perfManager, ["perfCounter"])
    known = row.get("perfCounter", ()) if row else ()
    names = {one.key: f"{one.groupInfo.key}.{one.nameInfo.key}.{one.rollupType}" for one in known}
    return {key: SPELLED[name] for key, name in names.items() if name in SPELLED}


def _sample(told: Any, counters: Mapping[int, str]) -> UsageSample:
    """Rates are in KiB a second, over the window; -1 stands for no value."""
    window = told.sampleInfo[-1]
    sums: dict[str, int] = {}
    for series in told.value or ():
        name = counters.get(series.id.counterId, "")
        if series.value and series.value[-1] >= 0:
            sums[name] = sums.get(name, 0) + series.value[-1]
    seconds = window.interval or REAL_TIME
    flows = {name: amount * 1024 * seconds for name, amount in sums.items()}
    return UsageSample(
        ref=reference(told.entity),
        at=window.timestamp.astimezone(UTC),
        seconds=float(seconds),
        cpu_seconds=sums["cpu"] / 1000 if "cpu" in sums else None,
        memory_mib=sums["memory"] // 1024 if "memory" in sums else None,
        read_bytes=flows.get("read"),
        written_bytes=flows.get("written"),
        received_bytes=flows.get("received"),
        sent_bytes=flows.get("sent"),
    )


def missing_rights(client: Client) -> list[str]:
    """Rights that the account has nowhere: neither on the whole nor on any data centre."""
    row = client.read_one(client.content.sessionManager, ["currentSession"])
    if row is None or row.get("currentSession") is None:
        return list(RIGHTS)
    with client.view(vim.Datacenter) as view:
        centres = [client.object(vim.Datacenter, one.ref) for one in _rows(client, view)]
    places = [client.content.rootFolder, *centres]
    session = row.get("currentSession").key
    told = client.content.authorizationManager.HasPrivilegeOnEntities(places, session, list(RIGHTS))
    granted = {one.privId for place in told or () for one in place.privAvailability if one.isGranted}
    return [right for right in RIGHTS if right not in granted]


def _rows(client: Client, view: Any) -> Iterable[Row]:
    return client.read(client.through(view, {vim.Datacenter: ("name",)}))
