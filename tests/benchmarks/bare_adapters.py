"""What the adapters are measured against: the same questions asked of the bare libraries; and the servers to ask."""

from __future__ import annotations

import ssl
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree as ET

from hypervisors.contract import Target

CHUNK = 1000
XEN_CLASSES = (
    "pool", "host", "host_metrics", "SR", "PBD", "network", "VM", "VM_metrics", "VM_guest_metrics", "VBD", "VDI", "VIF",
)  # fmt: skip

Server = Callable[[int, int], Any]


def looks(kind: str, what: str, target: Target) -> Callable[[], int]:
    """Connected already; what it returns, looks."""
    return {"vmware": _vmware, "xen": _xen, "kvm": _kvm}[kind](what, target)


# vCenter


def _connected(target: Target) -> Any:
    from pyVim.connect import SmartConnect

    context = ssl.create_default_context(cadata=target.ca_pem)
    return SmartConnect(
        host=target.address, port=target.port, user=target.username, pwd=target.secret, sslContext=context
    ).content


def _vmware(what: str, target: Target) -> Callable[[], int]:
    from hypervisors.vmware import machines

    content = _connected(target)
    paths = machines.paths(dated=False) if what == "bare" else machines.SIGNS

    def act() -> int:
        refs = [row.obj for row in _retrieved(content, _in_view(content), ["name"])]
        found = 0
        for start in range(0, len(refs), CHUNK):
            found += len(_retrieved(content, [(ref, ()) for ref in refs[start : start + CHUNK]], paths))
        return found

    def cheap() -> int:
        return len(_retrieved(content, _in_view(content), paths))

    return act if what == "bare" else cheap


def _in_view(content: Any) -> list[tuple[Any, Any]]:
    from pyVmomi import vim, vmodl

    step = vmodl.query.PropertyCollector.TraversalSpec(type=vim.view.ContainerView, path="view", skip=False)
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    return [(view, [step])]


def _retrieved(content: Any, objects: list[tuple[Any, Any]], paths: Any) -> list[Any]:
    from pyVmomi import vim, vmodl

    query = vmodl.query.PropertyCollector
    spec = query.FilterSpec(
        objectSet=[query.ObjectSpec(obj=obj, skip=bool(steps), selectSet=list(steps)) for obj, steps in objects],
        propSet=[query.PropertySpec(type=vim.VirtualMachine, pathSet=list(paths))],
    )
    found: list[Any] = []
    page = content.propertyCollector.RetrievePropertiesEx([spec], query.RetrieveOptions())
    while page is not None:
        found += page.objects
        page = content.propertyCollector.ContinueRetrievePropertiesEx(page.token) if page.token else None
    return found


@contextmanager
def vcenter(machines: int, changed: int) -> Iterator[tuple[Target, Callable[[], None]]]:
    from pyVmomi import vim

    from tests.rigs.vcenter import VcenterRig

    with VcenterRig(clusters=10, hosts=10, machines=machines // 10) as rig:
        target = rig.target(read_only=True, timeout=300)

        def change() -> None:
            content = _connected(target)
            for row in _retrieved(content, _in_view(content), ["name"])[:changed]:
                row.obj.ReconfigVM_Task(vim.vm.ConfigSpec(annotation=uuid.uuid4().hex))

        yield target, change


# Xen


def _xen(_what: str, target: Target) -> Callable[[], int]:
    import XenAPI

    from tests.rigs.xapi.transport import Transport

    transport = Transport(ssl.create_default_context(cadata=target.ca_pem), target.timeout)
    session = XenAPI.Session(f"https://{target.address}:{target.port}", transport=transport)
    session.xenapi.login_with_password(target.username, target.secret, "2.23", "benchmark")

    def act() -> int:
        found = {name: getattr(session.xenapi, name).get_all_records() for name in XEN_CLASSES}
        session.xenapi.session.logout()
        return len(found["VM"])

    return act


@contextmanager
def xapi(machines: int, _changed: int) -> Iterator[tuple[Target, Callable[[], None]]]:
    from tests.rigs.xapi import XapiRig

    with XapiRig(hosts=4, memory_gib=65536, vms=machines) as rig:
        yield rig.target(read_only=True, timeout=300), lambda: None


# KVM

DOMAIN = """<domain type='qemu'><name>bench-{number:05}</name><uuid>{uuid}</uuid>
<title>Bench {number}</title><memory unit='MiB'>1024</memory><vcpu>2</vcpu><os><type arch='x86_64'>hvm</type></os>
<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{disk}'/>
<target dev='vda' bus='virtio'/></disk></devices></domain>"""


def _kvm(what: str, target: Target) -> Callable[[], int]:
    """libvirt gives text, where the other two libraries give objects: `bare-parsed` has objects too.

    With keep-alive, as whoever must notice a dead host has: its event loop doubles what a call costs the client.
    """
    import libvirt

    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=_run_events, daemon=True).start()
    conn = libvirt.openReadOnly(f"qemu+unix:///system?socket={target.path}")
    conn.setKeepAlive(5, 3)

    def act() -> int:
        read = ET.fromstring if what == "bare-parsed" else str
        return sum(read(domain.XMLDesc()) is not None for domain in conn.listAllDomains())

    return act


def _run_events() -> None:
    import libvirt

    while True:
        libvirt.virEventRunDefaultImpl()


@contextmanager
def libvirtd(machines: int, _changed: int) -> Iterator[tuple[Target, Callable[[], None]]]:
    """Defined in its files before it starts: asked one by one, it would take minutes."""
    from tests.rigs.libvirt import LibvirtRig

    with LibvirtRig() as rig:
        rig.stop_daemon()
        folder = rig.root / "etc" / "qemu"
        folder.mkdir(exist_ok=True)
        for number in range(machines):
            disk = rig.root / "machines" / f"bench-{number:05}.raw"
            with disk.open("wb") as file:
                file.truncate(1 << 20)
            text = DOMAIN.format(number=number, uuid=uuid.uuid4(), disk=disk)
            (folder / f"bench-{number:05}.xml").write_text(text)
        rig.start_daemon()
        yield rig.target(read_only=True, timeout=300), lambda: None


SERVERS: dict[str, Server] = {"vmware": vcenter, "xen": xapi, "kvm": libvirtd}
