"""What adapters can refuse of an order without asking any server. All of it raises InvalidRequest."""

from __future__ import annotations

import re

from hypervisors import seeds
from hypervisors.contract import AddDisk, CreateMachine, Stamp
from hypervisors.errors import InvalidRequest
from hypervisors.words import check_name

IDENTIFIER = re.compile(r"[a-z0-9-]{1,64}")
"""Operations and keys: names of files and marks are made of them."""


def check_stamp(stamp: Stamp) -> None:
    if not IDENTIFIER.fullmatch(stamp.operation):
        raise InvalidRequest("The operation's identifier holds characters that it cannot have.")


def check_key(key: str) -> None:
    if not IDENTIFIER.fullmatch(key):
        raise InvalidRequest("The key holds characters that it cannot have.")


def check_disk(order: AddDisk) -> None:
    check_key(order.key)
    if order.size_mib < 1:
        raise InvalidRequest("A disk needs a size.")


def check_creation(order: CreateMachine) -> None:
    check_name(order.name)
    check_stamp(order.stamp)
    for what, size in (("vCPUs", order.vcpus), ("memory", order.memory_mib), ("disk", order.disk_mib)):
        if size < 1:
            raise InvalidRequest(f"The machine needs more than no {what}.")
    if order.seed is not None:
        seeds.check(order.seed)
