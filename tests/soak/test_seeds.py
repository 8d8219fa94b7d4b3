"""The three forms of a seed, read by the cloud-init of a real Debian."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from hypervisors import seeds
from tests.rigs import debian
from tests.rigs.fixtures import skip
from tests.soak.guest import HERE, booted, new_key, says, seed_with

pytestmark = pytest.mark.soak

READER = """
import json, os, sys
from cloudinit import distros, helpers
from cloudinit.sources import DataSourceVMware
os.environ["VMX_GUESTINFO"] = "1"
for key, value in json.load(sys.stdin).items():
    os.environ["VMX_" + key.upper().replace(".", "_")] = value
DataSourceVMware.wait_on_network = lambda metadata: None
paths = helpers.Paths({"cloud_dir": "/tmp/cloud", "run_dir": "/tmp"})
found = DataSourceVMware.DataSourceVMware({}, distros.fetch("debian")("debian", {}, paths), paths)
assert found.get_data()
print(json.dumps([
    found.get_instance_id(), found.get_hostname().hostname, found.get_public_ssh_keys(), found.get_userdata_raw(),
]))
"""
"""Debian's cloud-init reads the same keys from the environment as from VMware's tools, which need a VMware below."""


@pytest.fixture(scope="module")
def image() -> Path:
    if lacking := debian.missing():
        skip(f"This needs {', '.join(lacking)}: apt-get install mmdebstrap grub-pc-bin openssh-client qemu-utils")
    return debian.image()


@pytest.mark.parametrize("form", [seeds.nocloud, seeds.config_drive])
def test_a_guest_takes_name_key_and_user_data_from_a_drive(form: object, image: Path, tmp_path: Path) -> None:
    key = new_key(tmp_path)
    seed, word = seed_with(key)
    drive = tmp_path / "seed.iso"
    drive.write_bytes(seeds.nocloud(seed, uuid4()) if form is seeds.nocloud else seeds.config_drive(seed, uuid4()))
    with booted(image, drive) as port:
        said = says(key, "hostname; sudo cat /root/word", address=HERE, port=port)
    assert said.split() == [seed.hostname, word]


def test_a_guest_takes_name_key_and_user_data_from_guestinfo(image: Path, tmp_path: Path) -> None:
    key, machine = new_key(tmp_path), uuid4()
    seed, _word = seed_with(key)
    told = seeds.guestinfo(seed, machine)
    assert _read(image, told) == [str(machine), seed.hostname, [key.public], seed.user_data]
    left = {name: value for name, value in (told | seeds.guestinfo_spent(machine)).items() if value}
    instance, hostname, keys, user_data = _read(image, left)
    assert (instance, keys, user_data) == (str(machine), [], None) and hostname != seed.hostname


def _read(image: Path, config: dict[str, str]) -> list[object]:
    done = subprocess.run(
        ["chroot", str(image.with_name("root")), "/usr/bin/python3", "-c", READER],
        input=json.dumps(config), check=True, capture_output=True, text=True,
    )  # fmt: skip
    found: list[object] = json.loads(done.stdout.splitlines()[-1])
    return found
