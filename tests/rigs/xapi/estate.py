"""What a pool looks like when the server starts, and a way to fill it with thousands of machines."""

from __future__ import annotations

from typing import Any

from tests.rigs.xapi import devices, lifecycle, machines, placement, power, storage
from tests.rigs.xapi.context import Pool
from tests.rigs.xapi.database import Obj, now
from tests.rigs.xapi.datamodel import words

GIB = 1024**3
PLATFORM = {"nx": "true", "acpi": "1", "apic": "true", "pae": "true", "viridian": "false"}
SOFTWARE = {
    "product_version": "8.3.0",
    "platform_name": "XCP",
    "platform_version": "3.4.0",
    "product_brand": "XCP-ng",
    "xapi": "0.0",
    "build_number": "0",
    "git_id": "dev",
    "hostname": "localhost",
    "date": "20261120T04:54:41Z",
    "xapi_build": "0.0.dev",
    "xen": "4.17",
    "linux": "6.18",
    "xencenter_min": "2.23",
    "xencenter_max": "2.23",
    "network_backend": "bridge",
    "db_schema": "5.909",
}
POOL_OPERATIONS = words(
    "ha_enable cluster_create designate_new_master tls_verification_enable configure_repositories "
    "sync_updates sync_bundle apply_updates cert_refresh exchange_certificates_on_join "
    "exchange_ca_certificates_on_join copy_primary_host_certs eject get_updates exchange_crls_on_join"
)
HOST_OPERATIONS = words("vm_migrate provision vm_resume enable evacuate vm_start")


def prepare(pool: Pool) -> None:
    """Lets the database know which fields follow from others."""
    db = pool.db
    db.derive["VM"] = lambda vm: {"allowed_operations": lifecycle.allowed(db, vm)}
    db.derive["VDI"] = lambda vdi: {"allowed_operations": storage.allowed(db, vdi)}
    db.derive["VBD"] = lambda vbd: {"allowed_operations": devices.vbd_operations(db, vbd)}
    db.derive["VIF"] = lambda vif: {"allowed_operations": devices.vif_operations(db, vif)}


def add_host(pool: Pool, name: str, *, memory: int, address: str = "", cpus: int = 8) -> Obj:
    db = pool.db
    vendor = "GenuineIntel"
    about = {"cpu_count": str(cpus), "socket_count": "1", "threads_per_core": "1", "nr_nodes": "1", "vendor": vendor}
    empty = ("family", "model", "stepping", "flags", "features_pv", "features_hvm", "features_hvm_host")
    host = db.create(
        "host",
        name_label=name,
        name_description="Default install",
        hostname=name,
        address=address,
        memory_overhead=GIB,
        allowed_operations=HOST_OPERATIONS,
        API_version_major=2,
        API_version_minor=23,
        API_version_vendor="XenSource",
        enabled=True,
        software_version=SOFTWARE,
        other_config={"agent_start_time": "1795151291.", "boot_time": "1795149311."},
        capabilities=["xen-3.0-x86_64", "hvm-3.0-x86_32", "hvm-3.0-x86_64"],
        sched_policy="credit",
        supported_bootloaders=["pygrub", "eliloader"],
        host_CPUs=[f"OpaqueRef:{db.uuid()}" for _ in range(cpus)],
        cpu_info=about | {"speed": "2400", "modelname": "Simulated"} | dict.fromkeys((*empty, "features_pv_host"), ""),
        metrics=db.create("host_metrics", memory_total=memory, live=True, last_updated=now()).ref,
        ssl_legacy=False,
        virtual_hardware_platform_versions=[0, 1, 2],
        https_only=True,
        ssh_auto_mode=True,
    )
    _add_dom0(pool, host, name)
    return host


def _add_dom0(pool: Pool, host: Obj, name: str) -> None:
    fields = definition(f"Control domain on host: {name}", memory=GIB, vcpus=1) | {"domain_type": "pv"}
    dom0 = machines.add(pool.db, fields | {"is_control_domain": True, "is_a_template": False})
    pool.db.set(dom0, power_state="Running", resident_on=host.ref, domid=0)
    pool.db.set(host, control_domain=dom0.ref)


def add_pool(pool: Pool, name: str, coordinator: Obj) -> Obj:
    cpus = coordinator["cpu_info"]["cpu_count"]
    return pool.db.create(
        "pool",
        name_label=name,
        master=coordinator.ref,
        other_config={"memory-ratio-hvm": "0.25", "memory-ratio-pv": "0.25"},
        allowed_operations=POOL_OPERATIONS,
        ha_cluster_stack="xhad",
        cpu_info={"features_hvm_host": "", "features_pv_host": "", "socket_count": "1", "cpu_count": cpus}
        | {"vendor": "GenuineIntel"},
        ext_auth_cache_enabled=False,
        telemetry_next_collection=now(),
        telemetry_uuid=f"OpaqueRef:{pool.db.uuid()}",
    )


def add_sr(pool: Pool, name: str, hosts: list[Obj], *, size: int, type_: str, content: str = "user") -> Obj:
    fields = {"name_label": name, "physical_size": size, "type": type_, "content_type": content}
    shared = type_ in {"nfs", "iso"}
    sr = pool.db.create("SR", **fields, shared=shared, allowed_operations=storage.SR_OPERATIONS)
    for host in hosts:
        pool.db.create("PBD", host=host.ref, SR=sr.ref, currently_attached=True)
    return sr


def add_internal_network(pool: Pool) -> None:
    flags = {"is_guest_installer_network": "true", "is_host_internal_management_network": "true"}
    addresses = {"ip_begin": "169.254.0.1", "ip_end": "169.254.255.254", "netmask": "255.255.0.0"}
    text = "Network on which guests will be assigned a private link-local IP address which can be used to talk XenAPI"
    fields = {"name_label": "Host internal management network", "name_description": text, "bridge": "xenapi"}
    pool.db.create("network", **fields, other_config=flags | addresses)


def definition(name: str, *, memory: int, vcpus: int, description: str = "") -> dict[str, Any]:
    """The fields of a machine of type HVM."""
    sizes = ("static_min", "static_max", "dynamic_min", "dynamic_max")
    return {f"memory_{size}": memory for size in sizes} | {
        "name_label": name,
        "name_description": description,
        "user_version": 1,
        "VCPUs_max": vcpus,
        "VCPUs_at_startup": vcpus,
        "actions_after_shutdown": "destroy",
        "actions_after_reboot": "restart",
        "actions_after_crash": "restart",
        "HVM_boot_policy": "BIOS order",
        "HVM_boot_params": {"order": "dc"},
        "platform": PLATFORM,
        "hardware_platform_version": 2,
        "domain_type": "hvm",
    }


def add_machine(pool: Pool, fields: dict[str, Any], sr: Obj, network: Obj, *, disk: int, **of_disk: Any) -> Obj:
    """With one disk and one card."""
    db = pool.db
    vm = machines.add(db, fields | {"other_config": fields.get("other_config", {}) | {"mac_seed": db.uuid()}})
    taken = 0 if sr["type"] == "dummy" else disk
    about = {
        "name_label": "disk0",
        "virtual_size": disk,
        "type": "user",
        "managed": True,
        "physical_utilisation": taken,
    }
    uuid = db.uuid()
    vdi = db.create("VDI", uuid=uuid, location=uuid, SR=sr.ref, snapshot_time=now(), **about)
    vdi.hidden["content"] = b""
    plugged = {"userdevice": "0", "bootable": True, "mode": "RW", "type": "Disk", "other_config": {"owner": ""}}
    metrics = f"OpaqueRef:{db.uuid()}"
    db.create("VBD", VM=vm.ref, VDI=vdi.ref, device="xvda", metrics=metrics, **plugged | of_disk)
    card = {"device": "0", "MAC": devices.fresh_mac(db), "MAC_autogenerated": True, "MTU": 1500}
    db.create("VIF", VM=vm.ref, network=network.ref, metrics=f"OpaqueRef:{db.uuid()}", **card)
    return vm


TEMPLATES = {"debian-12": "agent", "debian-12-deaf": "deaf", "debian-12-stuck": "stuck", "debian-12-plain": "plain"}
"""The images of the ordinary pool, with how their guests behave."""


def ordinary(pool: Pool, addresses: list[str], *, memory: int, storage_bytes: int = 16 * 1024 * GIB) -> None:
    """Hosts with a shared SR, one local SR each, an ISO library, a network, and images to clone."""
    prepare(pool)
    db = pool.db
    hosts = [
        add_host(pool, f"xen-{number + 1}", memory=memory, address=address) for number, address in enumerate(addresses)
    ]
    this = add_pool(pool, "rig", hosts[0])
    pool.settings.console_host = addresses[0]
    shared = add_sr(pool, "Shared storage", hosts, size=storage_bytes, type_="nfs")
    for host in hosts:
        add_sr(pool, f"Local storage of {host['name_label']}", [host], size=2048 * GIB, type_="lvm")
    add_sr(pool, "ISO library", hosts, size=64 * GIB, type_="iso", content="iso")
    db.set(this, default_SR=shared.ref, suspend_image_SR=shared.ref)
    add_internal_network(pool)
    network = db.create("network", name_label="Guests", bridge="xenbr0")
    default = definition("Other install media", memory=GIB, vcpus=1)
    machines.add(db, default | {"is_a_template": True, "is_default_template": True})
    for name, behaviour in TEMPLATES.items():
        fields = definition(name, memory=GIB, vcpus=1, description="An image of the rig")
        image = add_machine(pool, fields | {"is_a_template": True}, shared, network, disk=4 * GIB)
        image.hidden["guest"] = behaviour
        disk = machines.disks(db, image)[0][1]
        disk.hidden["content"] = f"This is the system disk of {name}.\n".encode()
    for sr in db.all("SR"):
        storage.refresh(db, sr)


def golden(pool: Pool) -> None:
    """What the real daemon was like before the recorded exchanges began, as far as they show it."""
    prepare(pool)
    host = add_host(pool, "vm", memory=1024 * GIB)
    add_pool(pool, "", host)
    sr = add_sr(pool, "Study dummy", [host], size=2_000_000_000_000, type_="dummy")
    pool.db.set(sr, name_description="d")
    add_internal_network(pool)
    network = pool.db.create("network", name_label="n1", bridge="xapi1")
    fields = definition("t1", memory=GIB, vcpus=1, description="tmpl")
    add_machine(pool, fields | {"is_a_template": True}, sr, network, disk=0, unpluggable=False)


def populate(pool: Pool, count: int, *, running: float = 0.5, prefix: str = "vm", warm: bool = True) -> None:
    """That many machines on the shared SR, with the room they need; `running` is which share of them is on.

    `warm` makes their records too, so that the first who reads them does not wait for that.
    """
    db = pool.db
    shared = db.find("SR", pool.this["default_SR"]) or next(db.all("SR"))
    network = list(db.all("network"))[-1]
    hosts = list(db.all("host"))
    start = len(db.tables["VM"])
    for number in range(count):
        fields = definition(f"{prefix}-{start + number:05d}", memory=GIB // 4, vcpus=1 + number % 4)
        vm = add_machine(pool, fields | {"is_a_template": False}, shared, network, disk=4 * GIB)
        if number % 100 < running * 100:
            host = hosts[number % len(hosts)]
            power.boot(pool, vm, host)
            room = db.get("host_metrics", host["metrics"])
            db.set(room, memory_total=room["memory_total"] + placement.needed(vm))
    db.set(shared, physical_size=shared["physical_size"] + count * 4 * GIB)
    storage.refresh(db, shared)
    if warm:
        for cls in ("VM", "VM_metrics", "VM_guest_metrics", "VBD", "VDI", "VIF", "SR", "network"):
            for obj in db.all(cls):
                db.xml(obj)
