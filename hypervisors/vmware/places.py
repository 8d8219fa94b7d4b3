"""Where things are: data centres, folders and their paths, clusters; and the custom fields of the whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyVmomi import vim, vmodl

from hypervisors.vmware.client import Client
from hypervisors.vmware.mapping import unescaped
from hypervisors.vmware.rows import Row, Wanted, reference


def machine_folders(client: Client) -> list[Any]:
    """Of each data centre the folder that its machines are in, and where we make ours."""
    with client.view(vim.Datacenter) as view:
        rows = client.read(client.through(view, {vim.Datacenter: ("vmFolder",)}))
        return [row.get("vmFolder") for row in rows if row.get("vmFolder")]


def datacenter_of(client: Client, entity: Any) -> Any:
    """The data centre that something is in; None for what is in none."""
    rows = client.read(Wanted([entity], {vim.Datacenter: ("vmFolder",)}, upwards(), skip=True))
    ref = next((row.ref for row in rows if row.kind == "Datacenter"), "")
    return client.object(vim.Datacenter, ref) if ref else None


def upwards() -> list[Any]:
    """From an object to what it is in, again and again."""
    again = vmodl.query.PropertyCollector.SelectionSpec(name="up")
    return [Client.way(vim.ManagedEntity, "parent", name="up", selectSet=[again])]


def custom_fields(client: Client) -> dict[int, str]:
    """Those of machines, by key; nothing where they may not be read."""
    manager = client.content.customFieldsManager
    row = client.read_one(manager, ["field"]) if manager is not None else None
    told = row.get("field", ()) if row is not None else ()
    return {one.key: one.name for one in told if one.managedObjectType in (None, vim.VirtualMachine)}


def folder_paths(rows: Iterable[Row]) -> dict[str, str]:
    """Paths of folders as people see them: without the root, and without the folder that every data centre has."""
    nodes = {row.ref: (unescaped(row.get("name", "")), reference(row.get("parent")), row.kind) for row in rows}

    def path(ref: str, depth: int = 0) -> list[str]:
        name, parent, kind = nodes.get(ref, ("", "", ""))
        if not parent or depth > 100:
            return []
        hidden = kind == "Folder" and nodes.get(parent, ("", "", ""))[2] == "Datacenter"
        return [*path(parent, depth + 1), *([] if hidden else [name])]

    return {ref: "/".join(path(ref)) for ref in nodes}


def pool_ref(cluster: Any) -> str:
    return f"{type(cluster).__name__.rpartition('.')[2]}:{reference(cluster)}" if cluster is not None else ""
