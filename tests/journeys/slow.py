"""A hypervisor whose storage is slow: on a fast one a copy would be over before anybody could look."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.rigs.libvirt import LibvirtRig

MIB_PER_SECOND = 32


@contextmanager
def copies(rig: LibvirtRig) -> Iterator[None]:
    """Meanwhile every copy is slowed as soon as it begins, with libvirt's own means."""
    enough = threading.Event()
    brake = threading.Thread(target=_brake, args=(rig.uri, enough), daemon=True)
    brake.start()
    try:
        yield
    finally:
        enough.set()
        brake.join(timeout=10)


def _brake(uri: str, enough: threading.Event) -> None:
    import libvirt

    libvirt.registerErrorHandler(lambda *_: None, None)  # most machines have no copy to slow, and say so
    connection = libvirt.open(uri)
    try:
        while not enough.wait(0.01):
            for domain in connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_PAUSED):
                with suppress(libvirt.libvirtError):
                    domain.blockJobSetSpeed("vda", MIB_PER_SECOND)
    finally:
        connection.close()
