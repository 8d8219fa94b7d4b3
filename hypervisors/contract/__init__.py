"""What Leasehold asks of a hypervisor: plain data in, plain data out, no waiting inside.

References (`ref`) are opaque strings of the hypervisor's own; names never identify. Memory and disks are in MiB,
times are aware UTC datetimes. All text that comes back is hostile: adapters cut it to length, pages escape it.
Every call is bounded by `Target.timeout` seconds and raises only `hypervisors.errors`.
"""

from hypervisors.contract.adapter import Hypervisor
from hypervisors.contract.capabilities import MEANINGS, NEEDS, Capabilities
from hypervisors.contract.facts import (
    Changes,
    DatastoreFacts,
    DiskFacts,
    DiskFile,
    DiskFiles,
    Event,
    HostFacts,
    ImageFacts,
    Inventory,
    MachineFacts,
    NetworkFacts,
    NicFacts,
    PoolFacts,
    Power,
    SnapshotFacts,
    UsageSample,
    What,
)
from hypervisors.contract.orders import (
    STEPS,
    AddDisk,
    AddNic,
    Annotate,
    CreateMachine,
    DetachSeed,
    FileOrder,
    GrowDisk,
    Handle,
    Holding,
    MachineOrder,
    Order,
    PowerOff,
    PowerOn,
    Progress,
    RemoveDisk,
    RemoveDiskFile,
    RemoveMachine,
    RemoveNic,
    RemoveSnapshot,
    Rename,
    Reset,
    Resize,
    Restart,
    RestoreDiskFile,
    Resume,
    RetireDiskFile,
    RevertSnapshot,
    Seed,
    Shutdown,
    Stamp,
    Suspend,
    TakeSnapshot,
    mac_of,
)
from hypervisors.contract.target import Target

__all__ = [
    "MEANINGS", "NEEDS", "STEPS", "AddDisk", "AddNic", "Annotate", "Capabilities", "Changes", "CreateMachine",
    "DatastoreFacts", "DetachSeed", "DiskFacts", "DiskFile", "DiskFiles", "Event", "FileOrder", "GrowDisk", "Handle",
    "Holding", "HostFacts", "Hypervisor", "ImageFacts", "Inventory", "MachineFacts", "MachineOrder", "NetworkFacts",
    "NicFacts", "Order", "PoolFacts", "Power", "PowerOff", "PowerOn", "Progress", "RemoveDisk", "RemoveDiskFile",
    "RemoveMachine", "RemoveNic", "RemoveSnapshot", "Rename", "Reset", "Resize", "Restart", "RestoreDiskFile", "Resume",
    "RetireDiskFile", "RevertSnapshot", "Seed", "Shutdown", "SnapshotFacts", "Stamp", "Suspend", "TakeSnapshot",
    "Target", "UsageSample", "What", "mac_of",
]  # fmt: skip
