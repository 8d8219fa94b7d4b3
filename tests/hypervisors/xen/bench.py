"""The pool that the conformance suite runs against: the server of the rig, or any other."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from typing import Any, Self
from uuid import UUID

import XenAPI

from hypervisors.conformance import Native
from hypervisors.conformance.bench import Hardware
from hypervisors.conformance.guest import of_image
from hypervisors.contract import Hypervisor, Seed, Target
from hypervisors.xen.adapter import Xen
from tests.rigs.libvirt import certificates
from tests.rigs.relay import ADDRESS, Relay
from tests.rigs.xapi import XapiRig
from tests.rigs.xapi.transport import Transport

MIB = 1 << 20
NULL = "OpaqueRef:NULL"
OURS = ("conf-", "hand-", "lh-", "<b>", "leasehold-retired-conf-")
"""How the names begin of what may be taken away."""
QUICK = {"ack_seconds": 0.2, "shutdown_seconds": 0.4, "bad_login_seconds": 0.1}
"""How long the server waits for guests that do not listen."""
POWERS = {"Running": "on", "Halted": "off", "Suspended": "suspended", "Paused": "suspended"}


class XenBench:
    """Adapters ask the rig itself; any other server is asked through a relay, which counts and goes dark."""

    memory_mib = 256
    patience = 30.0
    gaps: Mapping[int, str] = {
        242: "XAPI leaves no message when a machine is destroyed.",
    }
    unproven: Mapping[int, str] = {}

    def __init__(self, rig: XapiRig) -> None:
        self.rig: XapiRig | None = rig
        self.relay: Relay | None = None
        usual = rig.settings()
        self._usual = {name: usual[name] for name in QUICK}
        rig.settings(**QUICK)
        self._begin(rig.target(timeout=10))
        self.image_ref, self.deaf = rig.image_uuid("debian-12"), "debian-12-deaf"
        self.image_mib = 4096

    @classmethod
    def of(cls, target: Target) -> Self:
        """Any other pool, with the smallest image that it has; its guests are taken for deaf."""
        bench = cls.__new__(cls)
        bench.rig, bench.patience = None, 900.0
        authority, identity = _papers()
        bench.relay = Relay((target.address, target.port or 443), tls=identity, ca_pem=target.ca_pem)
        bench.relay.__enter__()
        bench._begin(target)
        bench.target = replace(target, address=ADDRESS, port=bench.relay.port, ca_pem=authority.pem)
        images = [
            (sum(int(disk["virtual_size"]) for disk in disks), vm["uuid"], vm["name_label"])
            for vm in bench.xapi.VM.get_all_records().values()
            if vm["is_a_template"] and not vm["is_a_snapshot"] and not vm["is_default_template"]
            if (disks := [bench.xapi.VDI.get_record(ref) for ref in bench._disks(vm)])
        ]
        size, bench.image_ref, bench.deaf = min(images)
        bench.image_mib = -(-size // MIB)
        return bench

    def _begin(self, target: Target) -> None:
        self.server = self.target = target
        self._tls = ssl.create_default_context(cadata=target.ca_pem or None)
        url = f"https://{target.address}:{target.port or 443}"
        self.session = XenAPI.Session(url, transport=Transport(self._tls, 60))
        self.session.login_with_password(target.username, target.secret, "2.20", "leasehold-conformance")
        self.xapi = self.session.xenapi
        self.pool_ref = next(iter(self.xapi.pool.get_all_records().values()))["uuid"]
        self.network_ref = min(
            (network["name_label"], network["uuid"])
            for network in self.xapi.network.get_all_records().values()
            if "is_host_internal_management_network" not in network["other_config"]
        )[1]
        self._open: list[Hypervisor] = []
        self._counted = self._calls = 0
        self._kept = {*self.xapi.VM.get_all()}
        self._kept_disks = {*self.xapi.VDI.get_all()}

    def connect(self, *, read_only: bool = False) -> Hypervisor:
        self._open.append(Xen(replace(self.target, read_only=read_only)))
        return self._open[-1]

    def close(self) -> None:
        for hv in self._open:
            hv.close()
        if self.relay is not None:
            self.relay.__exit__()
        self.session("close")()  # a line that a promise had cut is opened anew
        for ref in self.xapi.task.get_all():
            with suppress(XenAPI.Failure):
                self.xapi.task.destroy(ref)
        for ref, vm in self.xapi.VM.get_all_records().items():
            if ref not in self._kept and (vm["is_a_snapshot"] or vm["name_label"].startswith(OURS)):
                self._destroy(ref, vm)
        for ref, vdi in self.xapi.VDI.get_all_records().items():
            if ref not in self._kept_disks and not vdi["VBDs"] and (self.rig or vdi["name_label"].startswith(OURS)):
                self.xapi.VDI.destroy(ref)
        if self.rig:
            self.rig.settings(**self._usual)
        self.xapi.session.logout()
        self.session("close")()

    def _destroy(self, ref: str, vm: Mapping[str, Any]) -> None:
        with suppress(XenAPI.Failure):
            self.xapi.VM.hard_shutdown(ref)
        disks = [*self._disks(vm), *([vm["suspend_VDI"]] if vm["suspend_VDI"] != NULL else [])]
        for _ in range(50):
            try:
                self.xapi.VM.destroy(ref)
            except XenAPI.Failure as failure:
                if failure.details[0] != "OTHER_OPERATION_IN_PROGRESS":
                    return
                time.sleep(0.1)  # a guest that was asked to stop is still waited for
                continue
            break
        for disk in disks:
            with suppress(XenAPI.Failure):
                self.xapi.VDI.destroy(disk)

    def _disks(self, vm: Mapping[str, Any]) -> list[str]:
        drives = [self.xapi.VBD.get_record(ref) for ref in vm["VBDs"]]
        drives = [drive for drive in drives if drive["type"] == "Disk" and drive["VDI"] != NULL]
        return [drive["VDI"] for drive in sorted(drives, key=lambda drive: int(drive["userdevice"]))]

    def _vm(self, uuid: str) -> tuple[str, dict[str, Any]]:
        ref = self.xapi.VM.get_by_uuid(uuid)
        return ref, self.xapi.VM.get_record(ref)

    # What people do

    def make_by_hand(self, name: str, *, on: bool = False, note: str = "", managed_by: str = "") -> str:
        ref = self.xapi.VM.clone(self.xapi.VM.get_by_name_label(self.deaf)[0], name)
        self.xapi.VM.provision(ref)
        for card in self.xapi.VM.get_VIFs(ref):
            self.xapi.VIF.destroy(card)
        self.xapi.VM.set_name_description(ref, note)
        self.xapi.VM.set_memory_limits(ref, *[str(self.memory_mib * MIB)] * 4)
        if managed_by:
            self.xapi.VM.set_tags(ref, [f"managed-by:{managed_by}"])
        if on:
            self.xapi.VM.start(ref, False, False)
        return str(self.xapi.VM.get_uuid(ref))

    def copy_by_hand(self, ref: str, name: str) -> str:
        """Of a machine that runs by way of a snapshot, as XenCenter does it."""
        source, vm = self._vm(ref)
        if vm["power_state"] == "Halted":
            return str(self.xapi.VM.get_uuid(self.xapi.VM.clone(source, name)))
        snapshot = self.xapi.VM.snapshot(source, name)
        copy = self.xapi.VM.clone(snapshot, name)
        self.xapi.VM.set_is_a_template(copy, False)
        self._destroy(snapshot, self.xapi.VM.get_record(snapshot))
        return str(self.xapi.VM.get_uuid(copy))

    def rename_by_hand(self, ref: str, name: str) -> None:
        self.xapi.VM.set_name_label(self._vm(ref)[0], name)

    def file_by_hand(self, ref: str, folder: str) -> bool:
        self.xapi.VM.add_to_other_config(self._vm(ref)[0], "folder", f"/{folder}")
        return True

    def label_by_hand(self, ref: str, name: str, value: str) -> bool:
        self.xapi.VM.add_to_other_config(self._vm(ref)[0], f"XenCenter.CustomFields.{name}", value)
        return True

    def loose_disk_by_hand(self, name: str) -> str:
        pool = next(iter(self.xapi.pool.get_all_records().values()))
        record = {"name_label": name, "name_description": "", "SR": pool["default_SR"], "virtual_size": str(4 * MIB)}
        record |= {"type": "user", "sharable": False, "read_only": False, "other_config": {}, "xenstore_data": {}}
        return str(self.xapi.VDI.get_uuid(self.xapi.VDI.create(record | {"sm_config": {}, "tags": []})))

    def attach_by_hand(self, ref: str, file_ref: str) -> None:
        vm = self._vm(ref)[0]
        number = self.xapi.VM.get_allowed_VBD_devices(vm)[0]
        drive = {"VM": vm, "VDI": self.xapi.VDI.get_by_uuid(file_ref), "userdevice": number, "mode": "RW"}
        drive |= {"type": "Disk", "bootable": False, "unpluggable": True, "empty": False, "other_config": {}}
        self.xapi.VBD.create(drive | {"qos_algorithm_type": "", "qos_algorithm_params": {}})

    def scribble(self, ref: str, text: str) -> None:
        self._write(self._disks(self._vm(ref)[1])[0], text)

    def scribble_file(self, file_ref: str, text: str) -> None:
        self._write(self.xapi.VDI.get_by_uuid(file_ref), text)

    def _write(self, vdi: str, text: str) -> None:
        with self._asked("PUT", "/import_raw_vdi", vdi, text.encode().ljust(4096, b"\0")) as answer:
            assert answer.status == http.client.OK

    @contextmanager
    def _asked(self, verb: str, path: str, vdi: str, body: bytes | None = None) -> Iterator[http.client.HTTPResponse]:
        line = http.client.HTTPSConnection(self.server.address, self.server.port or 443, timeout=60, context=self._tls)
        try:
            line.request(verb, f"{path}?vdi={vdi}&format=raw&session_id={self.session.handle}", body)
            yield line.getresponse()
        finally:
            line.close()

    # What is shown

    def machines(self) -> Mapping[str, Native]:
        """With our UUID where the tie that stands beside it names the machine's own."""
        found = {}
        for vm in self.xapi.VM.get_all_records().values():
            half_made = vm["is_a_template"] and vm["name_label"].startswith("lh-")
            if vm["is_a_snapshot"] or vm["is_control_domain"] or (vm["is_a_template"] and not half_made):
                continue
            said, own = vm["other_config"], vm["uuid"]
            uuid = said["leasehold.uuid"] if said.get("leasehold.tie") == own else own
            found[own] = Native(UUID(uuid), vm["name_label"], vm["power_state"] == "Running")
        return found

    def hardware(self, ref: str) -> Hardware:
        _, vm = self._vm(ref)
        disks = [self.xapi.VDI.get_record(disk) for disk in self._disks(vm) if not self._is_seed(disk)]
        return Hardware(
            power=POWERS[vm["power_state"]],
            vcpus=int(vm["VCPUs_max"]),
            memory_mib=int(vm["memory_static_max"]) // MIB,
            disks_mib=tuple(int(disk["virtual_size"]) // MIB for disk in disks),
            macs=frozenset(self.xapi.VIF.get_MAC(vif).lower() for vif in vm["VIFs"]),
            snapshots=frozenset(self.xapi.VM.get_name_label(one) for one in vm["snapshots"]),
        )

    def _is_seed(self, vdi: str) -> bool:
        return bool(self._content(vdi, 0x8800)[0x8001:0x8006] == b"CD001")

    def disks(self) -> set[str]:
        held: set[str] = set()
        for ref, vm in self.xapi.VM.get_all_records().items():
            if ref in self._kept:
                held |= set(self._disks(vm))
        return {vdi["uuid"] for ref, vdi in self.xapi.VDI.get_all_records().items() if ref not in held}

    def _content(self, vdi: str, length: int) -> bytes:
        with self._asked("GET", "/export_raw_vdi", vdi) as answer:
            return answer.read(length)

    def scribbled(self, ref: str) -> str:
        return self._content(self._disks(self._vm(ref)[1])[0], 4096).rstrip(b"\0").decode()

    def scribbled_file(self, file_ref: str) -> str:
        return self._content(self.xapi.VDI.get_by_uuid(file_ref), 4096).rstrip(b"\0").decode()

    def seed_in(self, ref: str) -> Seed | None:
        _, vm = self._vm(ref)
        for drive in vm["VBDs"]:
            vbd = self.xapi.VBD.get_record(drive)
            size = int(self.xapi.VDI.get_virtual_size(vbd["VDI"])) if vbd["VDI"] != NULL else 0
            if 0 < size <= 16 * MIB and (found := of_image(self._content(vbd["VDI"], size))) is not None:
                return found
        return None

    def note_of(self, ref: str) -> str:
        return str(self._vm(ref)[1]["name_description"])

    def shown_on(self, ref: str) -> str:
        _, vm = self._vm(ref)
        said = vm["other_config"].items()
        fields = [value for key, value in sorted(said) if key.startswith("XenCenter.CustomFields.")]
        return "\n".join([vm["name_description"], *vm["tags"], *fields])

    def calls(self) -> int | None:
        if self.rig is None:
            return len(self.relay.calls) if self.relay else None
        for call in self.rig.calls(since=self._counted):
            self._counted = call["number"]
            self._calls += call["session"] != self.session.handle
        return self._calls

    # What befalls it

    def go_dark(self) -> None:
        self.session("close")()  # its own line is cut, too
        if self.rig:
            self.rig.tell("leave")
        elif self.relay:
            self.relay.refuse()

    def come_back(self) -> None:
        if self.rig:
            self.rig.tell("come_back")
        elif self.relay:
            self.relay.answer()


@cache
def _papers() -> tuple[certificates.Identity, certificates.Identity]:
    """An authority and the relay's certificate: keys take a moment to make."""
    authority = certificates.authority()
    return authority, certificates.issued("relay", authority)
