"""A server that the tests did not start, named by the environment: XAPI_URL, VCENTER_URL, LIBVIRT_URI.

Beside each URL stand USER, PASSWORD and CA (a file of certificates), as XAPI_USER, VCENTER_CA, LIBVIRT_PASSWORD. A
LIBVIRT_URI is `qemu+unix:///system?socket=PATH` or `qemu+tls://HOST/system`, with a file of client certificate and key
as LIBVIRT_IDENTITY.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from hypervisors.contract import Target

PREFIXES = {"xen": ("XAPI", "URL"), "vmware": ("VCENTER", "URL"), "kvm": ("LIBVIRT", "URI")}
TRANSPORTS = {"qemu+unix": "unix", "qemu+tls": "tls"}


def target(kind: str, environ: Mapping[str, str]) -> Target | None:
    """None when the environment names none for this kind. Raises ValueError for an address that is not understood."""
    if kind not in PREFIXES:
        return None
    prefix, word = PREFIXES[kind]
    said = {name: environ.get(f"{prefix}_{name}", "") for name in (word, "USER", "PASSWORD", "CA", "IDENTITY")}
    if not said[word]:
        return None
    url = urlsplit(said[word])
    transport = TRANSPORTS.get(url.scheme, "")
    if not (transport if kind == "kvm" else url.scheme == "https"):
        raise ValueError(f"{prefix}_{word}: {url.scheme!r} is not a way to a server of this kind.")
    return Target(
        kind=kind,
        address=url.hostname or "",
        port=url.port,
        transport=transport,
        path=parse_qs(url.query).get("socket", [""])[0],
        username=said["USER"],
        secret=_text(said["IDENTITY"]) or said["PASSWORD"],
        ca_pem=_text(said["CA"]),
        read_only=False,
        timeout=60,
    )


def _text(path: str) -> str:
    return Path(path).read_text() if path else ""
