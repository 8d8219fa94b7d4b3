"""What cloud-init reads at a machine's first start, in the three forms that hypervisors carry it in.

Sources: cloud-init's documentation of its NoCloud, ConfigDrive and VMware data sources.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
from uuid import UUID

import pycdlib

from hypervisors.contract import Seed
from hypervisors.errors import InvalidRequest

HOSTNAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
SSH_KEY = re.compile(r"(?:ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}(?: [^\x00-\x1f\x7f]*)?")
HALF = re.compile("[\ud800-\udfff]")
"""Halves of a character, which no encoding takes: JSON lets them pass."""
LONGEST = 16_384
"""Bytes of user data: what the narrowest of the three ways carries."""

NOTHING = "#cloud-config\n{}\n"


def check(seed: Seed) -> None:
    """Raises InvalidRequest, without repeating what may be a secret."""
    if not HOSTNAME.fullmatch(seed.hostname):
        raise InvalidRequest("The host name may hold small letters, digits and hyphens, 63 at the most.")
    if len(seed.ssh_keys) > 50 or not all(SSH_KEY.fullmatch(key) and len(key) <= 8192 for key in seed.ssh_keys):
        raise InvalidRequest("An SSH key is not one: give public keys, one a line, as ssh-keygen writes them.")
    if len(seed.user_data.encode(errors="replace")) > LONGEST:
        raise InvalidRequest("The user data is longer than 16 KiB.")
    if HALF.search(seed.user_data):
        raise InvalidRequest("The user data holds something that is no character.")


def _meta_data(seed: Seed, machine: UUID) -> dict[str, object]:
    return {
        "instance-id": str(machine),
        "local-hostname": seed.hostname,
        "hostname": seed.hostname,
        "public-keys": list(seed.ssh_keys),
    }


def nocloud(seed: Seed, machine: UUID) -> bytes:
    """An ISO image labelled `cidata`. JSON is YAML, so no text can break out of its place."""
    return _image(
        "cidata",
        {
            "meta-data": json.dumps(_meta_data(seed, machine)),
            "user-data": seed.user_data or NOTHING,
        },
    )


def config_drive(seed: Seed, machine: UUID) -> bytes:
    """An ISO image labelled `config-2`, in OpenStack's form."""
    meta_data = {
        "uuid": str(machine),
        "hostname": seed.hostname,
        "public_keys": {f"key-{number}": key for number, key in enumerate(seed.ssh_keys)},
    }
    return _image(
        "config-2",
        {
            "openstack/latest/meta_data.json": json.dumps(meta_data),
            "openstack/latest/user_data": seed.user_data or NOTHING,
        },
    )


def guestinfo(seed: Seed, machine: UUID) -> dict[str, str]:
    """Keys and values of a VMware machine's extra configuration."""
    return {
        "guestinfo.metadata": _packed(json.dumps(_meta_data(seed, machine))),
        "guestinfo.metadata.encoding": "gzip+base64",
        "guestinfo.userdata": _packed(seed.user_data or NOTHING),
        "guestinfo.userdata.encoding": "gzip+base64",
    }


GUESTINFO = ("guestinfo.metadata", "guestinfo.metadata.encoding", "guestinfo.userdata", "guestinfo.userdata.encoding")


def guestinfo_spent(machine: UUID) -> dict[str, str]:
    """What stays once the seed is taken away: who the machine is, and no more. An empty value removes a key.

    An image that looks nowhere else would find no instance at its next start, take itself for a new one, and make new
    host keys.
    """
    return dict.fromkeys(GUESTINFO, "") | {"guestinfo.metadata": json.dumps({"instance-id": str(machine)})}


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _image(label: str, files: dict[str, str]) -> bytes:
    """With Joliet and Rock Ridge names, which guests read, beside the short ones that ISO 9660 asks for."""
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=label)
    folders: set[str] = set()
    for number, (path, text) in enumerate(files.items()):
        *above, name = path.split("/")
        short, joliet = "", ""
        for folder in above:
            short, joliet = f"{short}/{folder[:8].upper()}", f"{joliet}/{folder}"
            if short not in folders:
                iso.add_directory(short, rr_name=folder, joliet_path=joliet)
                folders.add(short)
        data = text.encode()
        iso.add_fp(
            io.BytesIO(data), len(data), f"{short}/FILE{number}.;1", rr_name=name, joliet_path=f"{joliet}/{name}"
        )
    image = io.BytesIO()
    iso.write_fp(image)
    iso.close()
    return image.getvalue()
