"""Kind of endpoint -> adapter class: a literal table, plus entry points of the group `leasehold.hypervisors`."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points

from hypervisors.contract import Hypervisor, Target
from hypervisors.errors import Unsupported

ADAPTERS = {
    "simulated": "hypervisors.simulated.adapter:Simulated",
    "vmware": "hypervisors.vmware.adapter:Vmware",
    "xen": "hypervisors.xen.adapter:Xen",
    "kvm": "hypervisors.kvm.adapter:Kvm",
}
"""Imported only when asked for: an adapter may need a library that this installation does not have."""

LABELS = {
    "simulated": "Simulated data centre",
    "vmware": "VMware vCenter",
    "xen": "Xen (XenAPI)",
    "kvm": "KVM (libvirt)",
}


def kinds() -> list[str]:
    """All kinds that an endpoint can have, ours first."""
    others = (entry.name for entry in entry_points(group="leasehold.hypervisors"))
    return [*ADAPTERS, *(name for name in others if name not in ADAPTERS)]


def adapter_class(kind: str) -> type[Hypervisor]:
    """The class behind a kind. Raises Unsupported for an unknown kind or a missing library."""
    path = ADAPTERS.get(kind) or next(
        (entry.value for entry in entry_points(group="leasehold.hypervisors") if entry.name == kind), None
    )
    if path is None:
        raise Unsupported(f"There is no adapter for {kind!r} endpoints.")
    module, _, name = path.partition(":")
    try:
        found = getattr(import_module(module), name)
    except ImportError as error:
        sentence = f"The library for {kind!r} endpoints is not installed: {error.name}."
        raise Unsupported(sentence, native=str(error)) from error
    if not (isinstance(found, type) and issubclass(found, Hypervisor)):
        raise Unsupported(f"{path} is not an adapter.")
    return found


def connect(target: Target) -> Hypervisor:
    """A connection for this target, after its fields were checked. May connect lazily."""
    cls = adapter_class(target.kind)
    cls.validate(target)
    return cls(target)
