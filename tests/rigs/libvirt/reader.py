"""A guest that reads its seed: Debian's kernel for clouds, busybox, and nothing else, in 96 MiB.

It takes an address from DHCP, and tells on its serial console, again and again, what it read.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from tests.rigs import debian

NEEDED = {"busybox": "busybox-static", "mke2fs": "e2fsprogs", "grub-mkimage": "grub-pc-bin", "dpkg": "dpkg"}
CACHE = Path(__file__).parents[3] / "var" / "cache" / "reader"
DISK_MIB = 48
MEMORY_MIB = 96
META, USER, ADDRESS, NOTHING = "SEED meta ", "SEED user ", "SEED address ", "SEED nothing"
MODULES = ("virtio_pci", "virtio_scsi", "sr_mod", "isofs", "virtio_net")
DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")

GRUB_CFG = "linux /boot/vmlinuz console=ttyS0 quiet panic=-1\ninitrd /boot/initrd\nboot\n"

INIT = f"""#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs none /dev
mount -t proc none /proc
mount -t sysfs none /sys
for module in $(cat /modules/order); do insmod /modules/$module.ko; done
(ifconfig eth0 up && udhcpc -q -n -t 20 -T 1 -i eth0 -s /bin/address > /dev/null 2>&1) &
while true; do
  if mount -t iso9660 -o ro /dev/sr0 /seed 2> /dev/null; then
    echo "{META}$(cat /seed/meta-data)"
    echo "{USER}$(sha256sum < /seed/user-data)"
    umount /seed
  else
    echo "{NOTHING}"
  fi
  [ -f /address ] && echo "{ADDRESS}$(cat /address)"
  sleep 1
done
"""

ADDRESSED = """#!/bin/busybox sh
[ "$1" = bound ] && ifconfig eth0 $ip netmask $subnet && echo $ip > /address
exit 0
"""


def missing() -> list[str]:
    """Packages that this host lacks."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return [package for program, package in NEEDED.items() if shutil.which(program, path=path) is None]


def image() -> Path:
    """The guest's disk, as qcow2; built once. Its kernel comes from the machine's own package source."""
    CACHE.mkdir(parents=True, exist_ok=True)
    place = CACHE / "reader.qcow2"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists() or place.stat().st_mtime < Path(__file__).stat().st_mtime:
            with tempfile.TemporaryDirectory(dir=CACHE) as folder:
                _build(Path(folder), place)
    return place


def _build(work: Path, place: Path) -> None:
    files, unpacked = work / "root", work / "unpacked"
    (files / "boot" / "grub").mkdir(parents=True)
    _unpack_kernel(work, unpacked)
    shutil.copy(next((unpacked / "boot").glob("vmlinuz-*")), files / "boot" / "vmlinuz")
    initrd = _initrd(_with_what_they_need(unpacked / "lib" / "modules"))
    (files / "boot" / "initrd").write_bytes(initrd)
    (files / "boot" / "grub" / "grub.cfg").write_text(GRUB_CFG)
    debian.bootable(files, work / "qcow2", disk_mib=DISK_MIB, work=work)
    (work / "qcow2").rename(place)


def _unpack_kernel(work: Path, unpacked: Path) -> None:
    told = subprocess.run(
        ["apt-cache", "depends", "linux-image-cloud-amd64"], check=True, capture_output=True, text=True
    ).stdout
    package = next(line.split(": ")[1] for line in told.splitlines() if "Depends: linux-image-" in line)
    options = ["-q", "-o", "APT::Sandbox::User=root"]
    subprocess.run(["apt-get", *options, "download", package], check=True, capture_output=True, cwd=work)
    subprocess.run(["dpkg", "-x", str(next(work.glob("linux-image-*.deb"))), str(unpacked)], check=True)


def _with_what_they_need(folder: Path) -> dict[str, bytes]:
    """The modules, each after those that it depends on."""
    files = {path.stem.replace("-", "_"): path for path in folder.rglob("*.ko")}
    found: dict[str, bytes] = {}

    def take(name: str) -> None:
        data = files[name].read_bytes()
        depends = DEPENDS.search(data)
        for needed in depends[1].decode().split(",") if depends and depends[1] else ():
            take(needed.replace("-", "_"))
        found.setdefault(name, data)

    for name in MODULES:
        take(name)
    return found


def _initrd(modules: dict[str, bytes]) -> bytes:
    """The first root of the guest, as the kernel takes it: cpio, form `newc`."""
    busybox = Path(shutil.which("busybox") or "").read_bytes()
    folders = [(name, stat.S_IFDIR | 0o755, b"") for name in ("bin", "dev", "proc", "sys", "seed", "modules")]
    files = [
        ("bin/busybox", stat.S_IFREG | 0o755, busybox),
        ("bin/address", stat.S_IFREG | 0o755, ADDRESSED.encode()),
        ("init", stat.S_IFREG | 0o755, INIT.encode()),
        ("modules/order", stat.S_IFREG | 0o644, " ".join(modules).encode()),
        *((f"modules/{name}.ko", stat.S_IFREG | 0o644, data) for name, data in modules.items()),
    ]
    entries = [_entry(number, *one) for number, one in enumerate([*folders, *files], 1)]
    return b"".join([*entries, _entry(0, "TRAILER!!!", 0, b"")])


def _entry(number: int, name: str, mode: int, data: bytes) -> bytes:
    named = name.encode() + b"\0"
    fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(named), 0]
    head = b"070701" + b"".join(f"{value:08x}".encode() for value in fields) + named
    return _padded(head) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
