"""What the tests of the server share: a machine made the usual way, and a refusal in the server's words."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import XenAPI

GIB = 1024**3
_numbers = itertools.count(1)


@contextmanager
def refused(*details: str) -> Iterator[None]:
    with pytest.raises(XenAPI.Failure) as caught:
        yield
    assert caught.value.details == list(details)


def machine(xapi: Any, image: str = "debian-12", *, running: bool = False) -> str:
    """Cloned from an image of the rig, and no template any more."""
    template = xapi.VM.get_by_name_label(image)[0]
    vm = str(xapi.VM.clone(template, f"machine {next(_numbers)}"))
    xapi.VM.provision(vm)
    if running:
        xapi.VM.start(vm, False, False)
    return vm


def disk(xapi: Any, vm: str) -> str:
    """Its first disk."""
    (vbd, *_) = xapi.VM.get_VBDs(vm)
    return str(xapi.VBD.get_VDI(vbd))


def vdi_record(sr: str, size: int, **other: Any) -> dict[str, Any]:
    record = {"name_label": "extra", "name_description": "", "SR": sr, "virtual_size": str(size), "type": "user"}
    maps: dict[str, Any] = {"other_config": {}, "xenstore_data": {}, "sm_config": {}, "tags": []}
    return record | {"sharable": False, "read_only": False} | maps | other


def vbd_record(vm: str, vdi: str, **other: Any) -> dict[str, Any]:
    record = {"VM": vm, "VDI": vdi, "userdevice": "autodetect", "bootable": False, "mode": "RW", "type": "Disk"}
    flags = {"unpluggable": True, "empty": False, "other_config": {}}
    return record | flags | {"qos_algorithm_type": "", "qos_algorithm_params": {}} | other


def vif_record(vm: str, network: str, **other: Any) -> dict[str, Any]:
    record = {"VM": vm, "network": network, "device": "1", "MAC": "", "MTU": "1500", "other_config": {}}
    return record | {"qos_algorithm_type": "", "qos_algorithm_params": {}} | other
