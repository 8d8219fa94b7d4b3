"""What the server knows and what it does not, by name."""

from __future__ import annotations

import subprocess
import sys

from tests.rigs.xapi import ROOT, XapiRig
from tests.rigs.xapi.datamodel import CALLS, CLASSES

REFUSED = {
    "SR.introduce",
    "VDI.get_nbd_info",
    "VDI.introduce",
    "VDI.pool_migrate",
    "VDI.revert",
    "VIF.configure_ipv4",
    "VIF.configure_ipv6",
    "VM.get_data_sources",
    "VM.import",
    "VM.migrate_send",
    "VM.query_data_source",
    "VM.snapshot_with_quiesce",
    "host.get_data_sources",
    "host.query_data_source",
}
"""Calls of the paper that are answered with NOT_IMPLEMENTED; everything else of it works."""


def printed(code: str) -> set[str]:
    """What that prints in a process where the server's modules are loaded."""
    command = [sys.executable, "-c", f"import tests.rigs.xapi.__main__; {code}"]
    return set(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())


def test_every_call_of_the_paper_is_known_and_the_refused_ones_are_named(rig: XapiRig) -> None:
    with rig.connected() as client:
        known = set(client.system.listMethods()["Value"])
    assert set(CALLS) <= known
    assert len(CALLS) == 220
    assert len(CLASSES) == 16
    assert printed("from tests.rigs.xapi.calls import complete, unknown; complete(); print(*unknown())") == REFUSED


def test_the_server_does_not_know_the_product() -> None:
    loaded = {name.split(".")[0] for name in printed("import sys; print(*sys.modules)")}
    assert not loaded & {"hypervisors", "lifecycle", "portal", "XenAPI"}
