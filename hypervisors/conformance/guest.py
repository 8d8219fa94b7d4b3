"""How cloud-init reads a seed: for benches, and knowing nothing of how adapters write one."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Iterable, Mapping

import pycdlib

from hypervisors.contract import Seed

NOCLOUD, CONFIG_DRIVE = "cidata", "config-2"


def of_image(data: bytes) -> Seed | None:
    """What a guest finds on a disk with this content; None when it is no seed."""
    iso = pycdlib.PyCdlib()
    try:
        iso.open_fp(io.BytesIO(data))
    except pycdlib.pycdlibexception.PyCdlibException:
        return None
    try:
        label = iso.pvd.volume_identifier.decode("ascii").strip()
        if label.lower() == NOCLOUD:
            meta = json.loads(_file(iso, "/meta-data"))
            return _seed(meta["local-hostname"], meta.get("public-keys", ()), _file(iso, "/user-data"))
        if label == CONFIG_DRIVE:
            meta = json.loads(_file(iso, "/openstack/latest/meta_data.json"))
            keys = meta.get("public_keys", {})
            return _seed(meta["hostname"], keys.values(), _file(iso, "/openstack/latest/user_data"))
        return None
    finally:
        iso.close()


def of_guestinfo(config: Mapping[str, str]) -> Seed | None:
    """What a guest finds in the extra configuration of a VMware machine."""
    meta = json.loads(_decoded(config, "guestinfo.metadata") or "{}")
    user_data = _decoded(config, "guestinfo.userdata")
    if set(meta) <= {"instance-id"} and not user_data:
        return None
    return _seed(meta["local-hostname"], meta.get("public-keys", ()), user_data)


def _seed(hostname: str, keys: Iterable[str], user_data: str) -> Seed:
    return Seed(hostname, tuple(keys), user_data)


def _file(iso: pycdlib.PyCdlib, path: str) -> str:
    found = io.BytesIO()
    iso.get_file_from_iso_fp(found, rr_path=path)
    return found.getvalue().decode()


def _decoded(config: Mapping[str, str], key: str) -> str:
    text, encoding = config.get(key, ""), config.get(f"{key}.encoding", "")
    if encoding in {"gzip+base64", "gz+b64"}:
        return gzip.decompress(base64.b64decode(text)).decode()
    return base64.b64decode(text).decode() if encoding in {"base64", "b64"} else text
