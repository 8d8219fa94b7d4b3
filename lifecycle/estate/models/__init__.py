"""What exists: endpoints and their parts, machines, and the time they were held."""

from lifecycle.estate.models.endpoints import Datastore, Endpoint, Host, Image, Network, Pool
from lifecycle.estate.models.history import Meter, Span, Tenure
from lifecycle.estate.models.machines import (
    ENDED,
    FAR,
    LEASED,
    LIVE,
    Disk,
    Level,
    Machine,
    MachineGroupPermission,
    MachineUserPermission,
    Power,
    Stage,
)
from lifecycle.estate.models.seeds import Seed

__all__ = [
    "ENDED",
    "FAR",
    "LEASED",
    "LIVE",
    "Datastore",
    "Disk",
    "Endpoint",
    "Host",
    "Image",
    "Level",
    "Machine",
    "MachineGroupPermission",
    "MachineUserPermission",
    "Meter",
    "Network",
    "Pool",
    "Power",
    "Seed",
    "Span",
    "Stage",
    "Tenure",
]
