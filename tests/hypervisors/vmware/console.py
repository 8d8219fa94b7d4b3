"""A person at the vSphere Client: pyVmomi spoken directly, knowing nothing of the adapter."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlencode
from urllib.request import Request, urlopen
from uuid import UUID

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim, vmodl

from hypervisors.contract import Target

Device = vim.vm.device
MIB = 1 << 20


def stored(name: str) -> str:
    """A name as vSphere keeps it."""
    return name.replace("%", "%25").replace("/", "%2f").replace("\\", "%5c")


class Console:
    def __init__(self, target: Target) -> None:
        self.target, self.context = target, ssl.create_default_context(cadata=target.ca_pem or None)
        self.si = SmartConnect(
            host=target.address,
            port=target.port or 443,
            user=target.username,
            pwd=target.secret,
            sslContext=self.context,
            httpConnectionTimeout=60,
        )
        self.content = self.si.RetrieveContent()

    def close(self) -> None:
        Disconnect(self.si)

    def object(self, kind: type[Any], ref: str) -> Any:
        return kind(ref, self.si._stub)

    def vm(self, ref: str) -> Any:
        return self.object(vim.VirtualMachine, ref)

    def every(self, kind: type[Any], *paths: str) -> list[tuple[Any, dict[str, Any]]]:
        """All objects of a kind with these properties, as far as they are set."""
        query = vmodl.query.PropertyCollector
        view = self.content.viewManager.CreateContainerView(self.content.rootFolder, [kind], True)
        step = query.TraversalSpec(type=vim.view.ContainerView, path="view", skip=False)
        spec = query.FilterSpec(
            objectSet=[query.ObjectSpec(obj=view, skip=True, selectSet=[step])],
            propSet=[query.PropertySpec(type=kind, pathSet=list(paths))],
            reportMissingObjectsInResults=True,
        )
        found = self.content.propertyCollector.RetrievePropertiesEx([spec], query.RetrieveOptions())
        view.DestroyView()
        return [(one.obj, {prop.name: prop.val for prop in one.propSet}) for one in (found.objects if found else ())]

    def told(self, found: Any, *paths: str) -> dict[str, Any]:
        query = vmodl.query.PropertyCollector
        spec = query.FilterSpec(
            objectSet=[query.ObjectSpec(obj=found)], propSet=[query.PropertySpec(type=type(found), pathSet=list(paths))]
        )
        answer = self.content.propertyCollector.RetrievePropertiesEx([spec], query.RetrieveOptions())
        return {prop.name: prop.val for prop in answer.objects[0].propSet}

    def finish(self, task: Any) -> Any:
        """What a task led to. Raises what ended it."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            info = self.told(task, "info.state", "info.error", "info.result")
            if info["info.state"] == "success":
                return info.get("info.result")
            if info["info.state"] == "error":
                raise info["info.error"]
            time.sleep(0.05)
        raise TimeoutError(task)

    # What there is

    def datacenter(self) -> Any:
        return self.every(vim.Datacenter, "name")[0][0]

    def folder(self) -> Any:
        return self.told(self.datacenter(), "vmFolder")["vmFolder"]

    def machines(self) -> Iterator[tuple[Any, str, UUID | None, str]]:
        """Machine, name, UUID, power; templates not."""
        paths = ("name", "config.instanceUuid", "config.template", "runtime.powerState")
        for vm, told in self.every(vim.VirtualMachine, *paths):
            if not told.get("config.template"):
                uuid = told.get("config.instanceUuid")
                yield vm, unquote(told["name"]), UUID(uuid) if uuid else None, told["runtime.powerState"]

    def disk_files(self) -> Iterator[tuple[str, str, str]]:
        """Datastore, its name, and the path of every disk file on it."""
        spec = vim.host.DatastoreBrowser.SearchSpec(matchPattern=["*.vmdk"])
        for store, told in self.every(vim.Datastore, "name", "browser"):
            found = self.finish(told["browser"].SearchDatastoreSubFolders_Task(f"[{told['name']}]", spec))
            for folder in found or ():
                inside = folder.folderPath.split("]", 1)[1].strip(" /")
                for file in folder.file or ():
                    if file.path.endswith("-flat.vmdk"):  # the simulator lists what a disk is made of
                        continue
                    yield store._GetMoId(), told["name"], f"{inside}/{file.path}".lstrip("/")

    def disks_of(self, vm: Any) -> list[Any]:
        devices = self.told(vm, "config.hardware.device")["config.hardware.device"]
        return [one for one in devices if isinstance(one, Device.VirtualDisk)]

    def extra_config(self, vm: Any) -> dict[str, str]:
        return {one.key: one.value for one in self.told(vm, "config.extraConfig").get("config.extraConfig", ())}

    def content_of(self, file: str) -> Request:
        """The file with what is on a disk, as a vCenter serves it."""
        store, path = file.removeprefix("[").split("] ", 1)
        centre = self.told(self.datacenter(), "name")["name"]
        query = urlencode({"dcPath": centre, "dsName": store})
        url = f"https://{self.target.address}:{self.target.port or 443}/folder/"
        path = quote(path.removesuffix(".vmdk") + "-flat.vmdk")
        session = {"Cookie": self.si._stub.cookie.split(";")[0]}
        return Request(f"{url}{path}?{query}", headers=session)  # noqa: S310 - always https

    def ask(self, request: Request) -> bytes:
        with urlopen(request, context=self.context, timeout=60) as answer:  # noqa: S310 - always https
            found: bytes = answer.read()
        return found

    # What people do

    def create(self, name: str, *, memory_mib: int, disk_mib: int, pool: Any, store: str, **fields: Any) -> Any:
        controller = Device.ParaVirtualSCSIController(key=-1, busNumber=0, sharedBus="noSharing")
        backing = Device.VirtualDisk.FlatVer2BackingInfo(
            fileName=f"[{store}]", diskMode="persistent", thinProvisioned=True
        )
        size = {"capacityInKB": disk_mib * 1024, "capacityInBytes": disk_mib * MIB}
        disk = Device.VirtualDisk(key=-2, controllerKey=-1, unitNumber=0, backing=backing, **size)
        spec = vim.vm.ConfigSpec(
            name=stored(name),
            numCPUs=1,
            memoryMB=memory_mib,
            guestId="otherGuest64",
            files=vim.vm.FileInfo(vmPathName=f"[{store}]"),
            deviceChange=[
                Device.VirtualDeviceSpec(operation="add", device=controller),
                Device.VirtualDeviceSpec(operation="add", fileOperation="create", device=disk),
            ],
            **fields,
        )
        return self.finish(self.folder().CreateVM_Task(spec, pool))

    def reconfigure(self, vm: Any, **fields: Any) -> None:
        self.finish(vm.ReconfigVM_Task(vim.vm.ConfigSpec(**fields)))

    def add_card(self, vm: Any, network: str) -> None:
        backing = Device.VirtualEthernetCard.NetworkBackingInfo(deviceName=network)
        card = Device.VirtualVmxnet3(key=-1, addressType="generated", backing=backing)
        self.reconfigure(vm, deviceChange=[Device.VirtualDeviceSpec(operation="add", device=card)])

    def mount(self, vm: Any, path: str, *, parent: str = "") -> None:
        """Puts a disk that is there into a machine; with a parent it lies on that, as a linked clone's does."""
        first = self.disks_of(vm)[0]
        form = Device.VirtualDisk.FlatVer2BackingInfo
        behind = form(fileName=parent, diskMode="persistent") if parent else None
        backing = form(fileName=path, diskMode="persistent", parent=behind)
        place = {"key": -1, "controllerKey": first.controllerKey, "unitNumber": 5}
        disk = Device.VirtualDisk(backing=backing, capacityInKB=first.capacityInKB, **place)
        self.reconfigure(vm, deviceChange=[Device.VirtualDeviceSpec(operation="add", device=disk)])

    def destroy(self, vm: Any) -> None:
        if self.told(vm, "runtime.powerState")["runtime.powerState"] != "poweredOff":
            self.finish(vm.PowerOffVM_Task())
        self.finish(vm.Destroy_Task())

    def add_field(self, name: str) -> int:
        manager = self.content.customFieldsManager
        known: Sequence[Any] = self.told(manager, "field").get("field", ())
        found = next((one.key for one in known if one.name == name), None)
        return int(found if found is not None else manager.AddCustomFieldDef(name, vim.VirtualMachine).key)

    def end_sessions(self) -> None:
        """All sessions but this one."""
        manager = self.content.sessionManager
        told = self.told(manager, "sessionList", "currentSession")
        others = [one.key for one in told["sessionList"] if one.key != told["currentSession"].key]
        if others:
            manager.TerminateSession(others)
