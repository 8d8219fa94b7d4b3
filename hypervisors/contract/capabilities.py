"""What an adapter can do, as data: the table in docs/hypervisors.md is made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hypervisors.contract import orders


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Asking for what is False raises `Unsupported`, before any call goes out."""

    guest_shutdown: bool = False
    progress: bool = False
    suspend: bool = False
    resize: bool = False
    disks: bool = False
    nics: bool = False
    snapshots: bool = False
    rename: bool = False
    seed: bool = False
    changes: bool = False
    usage: bool = False
    cpu_usage: bool = False
    events: bool = False
    authors: bool = False
    disk_files: bool = False
    retire_files: bool = False
    rights: bool = False


MEANINGS: Mapping[str, str] = {
    "guest_shutdown": "the guest is asked to shut down before the plug is pulled",
    "progress": "progress of copying in percent",
    "suspend": "suspend and resume",
    "resize": "change vCPUs and memory of a machine that is off",
    "disks": "add, grow and remove disks",
    "nics": "add and remove NICs",
    "snapshots": "take, revert to and remove snapshots",
    "rename": "rename",
    "seed": "host name, SSH keys and user data for cloud-init",
    "changes": "a sweep reads only what changed",
    "usage": "use of processor, memory, disk and network, many machines at once",
    "cpu_usage": "mean CPU use over the last hour, in a scan",
    "events": "what happened to a machine, and when",
    "authors": "who made a machine, from its events",
    "disk_files": "disk files, and which machines use them",
    "retire_files": "rename disk files that nothing uses, and remove them later",
    "rights": "rights that the account lacks, by name",
}

NEEDS: Mapping[type[orders.Order], str] = {
    orders.DetachSeed: "seed",
    orders.Suspend: "suspend",
    orders.Resume: "suspend",
    orders.Resize: "resize",
    orders.AddDisk: "disks",
    orders.GrowDisk: "disks",
    orders.RemoveDisk: "disks",
    orders.AddNic: "nics",
    orders.RemoveNic: "nics",
    orders.TakeSnapshot: "snapshots",
    orders.RevertSnapshot: "snapshots",
    orders.RemoveSnapshot: "snapshots",
    orders.Rename: "rename",
    orders.RetireDiskFile: "retire_files",
    orders.RestoreDiskFile: "retire_files",
    orders.RemoveDiskFile: "retire_files",
}
"""Every adapter does the other orders."""
