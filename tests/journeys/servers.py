"""A vCenter and a pool of Xen hosts, asked past the portal with the libraries of their makers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pyVmomi import vim

from tests.hypervisors.vmware.console import Console
from tests.journeys.estates import Vm
from tests.rigs.vcenter import VcenterRig
from tests.rigs.xapi import XapiRig

QUICK_TEST = "Somebody's quick test"
MIB = 1 << 20


class VcenterEstate:
    endpoint, blueprint, size, image = "Vienna", "Appliance 7", "Tiny", "conf-appliance"
    kind, gib, copies_slowly = "vmware", ("0.063", "0.125"), False

    def __init__(self, rig: VcenterRig) -> None:
        self.rig = rig
        self.form = {
            "vCenter": rig.target().address,
            "Port": str(rig.port),
            "Account": rig.target().username,
            "Password": rig.target().secret,
            "Certificate authority": rig.authority.pem,
        }
        self.console = Console(rig.target())
        told = self.console.every(vim.ClusterComputeResource, "resourcePool", "datastore")[0][1]
        self.place = {
            "pool": told["resourcePool"],
            "store": self.console.told(told["datastore"][0], "name")["name"],
            "memory_mib": 64,
            "disk_mib": 64,
        }
        self.console.create(self.image, **self.place).MarkAsTemplate()

    def close(self) -> None:
        self.console.close()

    def machines(self) -> list[Vm]:
        return [
            Vm(
                uuid=str(uuid),
                name=name,
                on=power == "poweredOn",
                words=self._words(vm),
                stamp=self.console.extra_config(vm).get("leasehold.operation", ""),
                disks=frozenset(disk.backing.fileName for disk in self.console.disks_of(vm)),
            )
            for vm, name, uuid, power in self.console.machines()
        ]

    def _words(self, vm: Any) -> str:
        told = self.console.told(vm, "config.annotation", "customValue")
        return "\n".join([told.get("config.annotation", ""), *(one.value for one in told.get("customValue", ()))])

    def stray(self) -> set[str]:
        taken = {
            disk.backing.fileName
            for vm, _told in self.console.every(vim.VirtualMachine, "name")
            for disk in self.console.disks_of(vm)
        }
        files = {f"[{store}] {path}" for _ref, store, path in self.console.disk_files()}
        # The simulator gives a clone its template's disk to remember, so that the template's own belongs to nobody.
        return {file for file in files - taken if f" {self.image}/" not in file}

    def copying(self, uuid: str) -> bool:
        """Its clones are there at once."""
        return False

    def make_by_hand(self, name: str) -> None:
        self.console.create(name, annotation=QUICK_TEST, **self.place)


class XapiEstate:
    endpoint, blueprint, size, image = "Basel", "Debian for all", "Plain", "debian-12"
    kind, gib, copies_slowly = "xen", ("1", "10"), True

    def __init__(self, rig: XapiRig) -> None:
        self.rig = rig
        self.form = {
            "Host of the pool": rig.address,
            "Port": str(rig.port),
            "Account": rig.username,
            "Password": rig.password,
            "Certificate authority": rig.ca_pem,
        }
        rig.settings(clone_seconds=4.0, start_seconds=0.2, guest_seconds=0.5, destroy_seconds=0.2)
        self.eyes = rig.client()
        self.eyes.xenapi.login_with_password(rig.username, rig.password, "2.23", "journeys")

    def close(self) -> None:
        self.api.session.logout()
        self.eyes("close")()

    @property
    def api(self) -> Any:
        return self.eyes.xenapi

    def machines(self) -> list[Vm]:
        return [
            Vm(
                uuid=_uuid(record),
                name=record["name_label"],
                on=record["power_state"] == "Running",
                words="\n".join([record["name_description"], *record["other_config"].values()]),
                stamp=record["other_config"].get("leasehold.operation", ""),
                disks=frozenset(self._disks(record)),
            )
            for record in self.api.VM.get_all_records().values()
            if not (record["is_a_template"] or record["is_a_snapshot"] or record["is_control_domain"])
        ]

    def _disks(self, record: dict[str, Any]) -> list[str]:
        plugs = [self.api.VBD.get_record(ref) for ref in record["VBDs"]]
        return [self.api.VDI.get_uuid(plug["VDI"]) for plug in plugs if plug["type"] == "Disk"]

    def stray(self) -> set[str]:
        return {record["uuid"] for record in self.api.VDI.get_all_records().values() if not record["VBDs"]}

    def copying(self, uuid: str) -> bool:
        return any(
            record["status"] == "pending" and "VM.clone" in record["name_label"]
            for record in self.api.task.get_all_records().values()
        )

    def make_by_hand(self, name: str) -> None:
        api = self.api
        made = api.VM.clone(api.VM.get_by_name_label(self.image)[0], name)
        api.VM.set_name_description(made, QUICK_TEST)
        api.VM.provision(made)


def _uuid(record: dict[str, Any]) -> str:
    """The portal's, which stands beside XAPI's own on what the portal made or marked."""
    said = record["other_config"]
    own = said.get("leasehold.uuid", "") if said.get("leasehold.tie") == record["uuid"] else ""
    return str(UUID(own or record["uuid"]))
