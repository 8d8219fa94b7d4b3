"""What exists: endpoints and their parts, machines, what they use, and the time they were held."""

from lifecycle.estate.models.devices import Disk, Nic, Snapshot
from lifecycle.estate.models.drift import Drift
from lifecycle.estate.models.endpoints import Datastore, Endpoint, Host, Image, Network, Pool, SyncToken
from lifecycle.estate.models.files import DiskFile
from lifecycle.estate.models.history import Meter, Span, Tenure
from lifecycle.estate.models.machines import (
    ENDED,
    FAR,
    LEASED,
    LIVE,
    Level,
    Machine,
    MachineGroupPermission,
    MachineUserPermission,
    Missing,
    Power,
    Stage,
)
from lifecycle.estate.models.scans import Scan
from lifecycle.estate.models.seeds import Seed
from lifecycle.estate.models.usage import UsageDay, UsageHour, UsageMark, UsageRoll

__all__ = [
    "ENDED",
    "FAR",
    "LEASED",
    "LIVE",
    "Datastore",
    "Disk",
    "DiskFile",
    "Drift",
    "Endpoint",
    "Host",
    "Image",
    "Level",
    "Machine",
    "MachineGroupPermission",
    "MachineUserPermission",
    "Meter",
    "Missing",
    "Network",
    "Nic",
    "Pool",
    "Power",
    "Scan",
    "Seed",
    "Snapshot",
    "Span",
    "Stage",
    "SyncToken",
    "Tenure",
    "UsageDay",
    "UsageHour",
    "UsageMark",
    "UsageRoll",
]
