"""Names of retired disk files. They follow from the name before and the key, so that whoever comes next finds the file
under the one or the other. Paths are those of `DiskFile.name`: with slashes, inside their storage."""

from __future__ import annotations

from hypervisors.checks import check_key
from hypervisors.contract import DiskFile, FileOrder, RestoreDiskFile
from hypervisors.errors import InvalidRequest, WrongState
from hypervisors.words import CONTROL, NOT_IN_XML

PREFIX = "leasehold-retired-"
NAME_LIMIT = 255
"""Bytes of a file's name that all file systems take."""
PATH_LIMIT = 400
"""Characters of a path that leave room for a longer name, and for whatever references put before it, in 500."""
UNTELLABLE = "its name cannot be told whole"
"""Why a file is kept whose name is too long for that, or holds what pages and databases refuse."""


def tellable(path: str) -> bool:
    """Whether the name can be told as it is, and given back: what is cut or cleaned names another file."""
    return len(path) <= PATH_LIMIT and not CONTROL.search(path) and not NOT_IN_XML.search(path)


def retired_path(path: str, key: str) -> str:
    """In the same folder. What is too long for one name loses letters before its ending."""
    folder, slash, name = path.rpartition("/")
    room = NAME_LIMIT - len(f"{PREFIX}{key}-".encode())
    return f"{folder}{slash}{PREFIX}{key}-{_cut(name, room)}"


def _cut(name: str, room: int) -> str:
    stem, dot, ending = name.rpartition(".")
    if len(name.encode()) <= room:
        return name
    if not stem or len(ending) > 16:
        stem, dot, ending = name, "", ""
    return stem.encode()[: room - len(f"{dot}{ending}".encode())].decode(errors="ignore") + dot + ending


def is_retired(path: str, key: str) -> bool:
    return path.rpartition("/")[2].startswith(f"{PREFIX}{key}-")


def check_order(order: FileOrder) -> None:
    """What can be refused without asking any server. Raises InvalidRequest."""
    check_key(order.key)
    if not order.file_ref:
        raise InvalidRequest("The order names no file.")
    if isinstance(order, RestoreDiskFile) and not tellable(order.name):
        raise InvalidRequest("This is no name that a file can have had.")


def new_path(path: str, key: str) -> str:
    """What the file is to be called. Raises WrongState for one that another order has retired, or that never could have
    its name back."""
    if not tellable(path):
        raise WrongState("The file has a name that it could not be given back; nothing was touched.")
    if path.rpartition("/")[2].startswith(PREFIX):
        raise WrongState("The file has been retired before, by another order; nothing was touched.")
    return retired_path(path, key)


def check_former(path: str, order: RestoreDiskFile) -> None:
    """Raises InvalidRequest unless the file got the name that it has by being retired from the one it is to have."""
    if path != retired_path(order.name, order.key):
        raise InvalidRequest("The file was not retired from this name by this order; nothing was touched.")


def check_retired(path: str, key: str) -> None:
    if not is_retired(path, key):
        raise InvalidRequest("The file was not retired by this order; nothing was removed.")


def check_unused(file: DiskFile) -> None:
    """Raises WrongState for what is used or kept."""
    if file.used_by:
        raise WrongState("A machine or an image uses this file; nothing was touched.")
    if file.kept_for:
        raise WrongState(f"This file is kept: {file.kept_for}; nothing was touched.")
