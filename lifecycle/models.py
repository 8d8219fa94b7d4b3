"""All rooms' tables, lowest room first. Rooms never import this; Django and everything above does."""

from lifecycle.audit.models import Entry
from lifecycle.catalog.models import Blueprint, Size
from lifecycle.clock import Clock
from lifecycle.estate.models import (
    Datastore,
    Disk,
    Endpoint,
    Host,
    Image,
    Machine,
    MachineGroupPermission,
    MachineUserPermission,
    Meter,
    Network,
    Pool,
    Power,
    Seed,
    Span,
    Stage,
    Tenure,
)
from lifecycle.leases.models import Lease
from lifecycle.money.models import Charge, Draft, Line, Rate, RateCard
from lifecycle.notices.models import Notice
from lifecycle.operations.models import Brake, Heartbeat, Operation
from lifecycle.people.models import CostCentre, PeopleImport, SignIn, SshKey, Team, Token, User
from lifecycle.replies.models import Reply
from lifecycle.requests.models import Request, Step
from lifecycle.sprawl.models import Finding

__all__ = [
    "Blueprint",
    "Brake",
    "Charge",
    "Clock",
    "CostCentre",
    "Datastore",
    "Disk",
    "Draft",
    "Endpoint",
    "Entry",
    "Finding",
    "Heartbeat",
    "Host",
    "Image",
    "Lease",
    "Line",
    "Machine",
    "MachineGroupPermission",
    "MachineUserPermission",
    "Meter",
    "Network",
    "Notice",
    "Operation",
    "PeopleImport",
    "Pool",
    "Power",
    "Rate",
    "RateCard",
    "Reply",
    "Request",
    "Seed",
    "SignIn",
    "Size",
    "Span",
    "SshKey",
    "Stage",
    "Step",
    "Team",
    "Tenure",
    "Token",
    "User",
]
