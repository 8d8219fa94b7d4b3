"""Work on disk files: how what the hypervisor has is compared with what was ordered."""

from __future__ import annotations

from django.utils.translation import gettext as _

from hypervisors.contract import DiskFile, Hypervisor
from hypervisors.retired import is_retired
from lifecycle.operations.models import Operation

Kind = Operation.Kind


def unlike_file(operation: Operation, hypervisor: Hypervisor) -> str:
    """What speaks against the work being done, after somebody said so; notes the file's reference where it is."""
    told = hypervisor.disk_files()
    key, name, ref = (operation.arguments.get(part, "") for part in ("key", "name", "ref"))
    renamed = [file for file in told.files if is_retired(file.name, key)]
    if operation.kind == Kind.REMOVE_FILE:
        if not told.complete:
            return _("Not all of its disk files could be read.")
        left = renamed or [file for file in told.files if file.ref == ref]
        return _("The disk file is still there.") if left else ""
    datastore = operation.on_file.datastore.ref
    found = renamed
    if operation.kind == Kind.RESTORE_FILE:
        found = [file for file in told.files if (file.name, file.datastore_ref) == (name, datastore)]
    return _noted(operation, found)


def _noted(operation: Operation, found: list[DiskFile]) -> str:
    if len(found) != 1:
        return _("The disk file does not have the name there that it should have.")
    operation.made_ref = found[0].ref
    return ""
