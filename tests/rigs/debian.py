"""A Debian with cloud-init that boots, built from the machine's own package source: about a minute, once.

No loop device and no mount: the file system is written from a folder, the boot loader by hand in front of it.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

NEEDED = {
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "grub-mkimage": "grub-pc-bin",
    "qemu-img": "qemu-utils",
    "ssh": "openssh-client",
}
INSIDE = (
    "linux-image-cloud-amd64", "cloud-init", "openssh-server", "systemd-sysv", "ifupdown", "isc-dhcp-client",
    "iproute2", "udev", "dbus", "sudo",
)  # fmt: skip
GRUB = Path("/usr/lib/grub/i386-pc")
CACHE = Path(__file__).parents[2] / "var" / "cache" / "debian"
DISK_MIB = 1500
SECTORS_PER_MIB = 2048


def missing() -> list[str]:
    """Packages that this host lacks, by the name apt knows them under; a word more where no package would help."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    found = [package for program, package in NEEDED.items() if shutil.which(program, path=path) is None]
    return found if os.geteuid() == 0 else [*found, "and to be root"]


def image() -> Path:
    """The disk, as qcow2; beside it `root`, the same as a folder. Built when it is not there."""
    place = CACHE / "debian.qcow2"
    if not place.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            _build(Path(folder), place)
    return place


def root() -> Path:
    return image().with_name("root")


def _build(work: Path, place: Path) -> None:
    files = work / "root"
    _install(files)
    _configure(files)
    bootable(files, work / "qcow2", disk_mib=DISK_MIB, work=work)
    shutil.rmtree(place.with_name("root"), ignore_errors=True)
    files.rename(place.with_name("root"))
    (work / "qcow2").rename(place)


def bootable(files: Path, place: Path, *, disk_mib: int, work: Path) -> None:
    """A disk with these files, which boots as their `boot/grub/grub.cfg` says."""
    part, disk = work / "part", work / "disk"
    with part.open("wb") as file:
        file.truncate(disk_mib << 20)
    # The boot loader's ext2 module does not know what newer mke2fs switch on.
    _run("mke2fs", "-q", "-t", "ext4", "-d", str(files), "-O", "^metadata_csum,^64bit", str(part))
    _run(
        "grub-mkimage", "-O", "i386-pc", "-o", str(work / "core"), "-p", "(hd0,msdos1)/boot/grub",
        "biosdisk", "part_msdos", "ext2", "linux", "normal", "configfile",
    )  # fmt: skip
    _assemble(disk, boot=GRUB / "boot.img", core=work / "core", part=part, disk_mib=disk_mib)
    _run("qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", "-o", "compat=1.1", str(disk), str(place))


def _install(files: Path) -> None:
    """With the package sources and keys of this machine, whatever they are."""
    sources = [str(path) for path in sorted(Path("/etc/apt").glob("sources.list.d/debian*"))]
    without = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "locale", "man")]
    _run(
        "mmdebstrap", "--quiet", "--variant=minbase", "--mode=root", f"--include={','.join(INSIDE)}",
        "--aptopt=Apt::Install-Recommends false", *without, "bookworm", f"{files}.tar",
        *(sources or ["/etc/apt/sources.list"]),
    )  # fmt: skip
    files.mkdir()
    _run("tar", "-xf", f"{files}.tar", "-C", str(files), "--exclude=./dev/*")


def _configure(files: Path) -> None:
    kernel = next((files / "boot").glob("vmlinuz-*")).name.removeprefix("vmlinuz-")
    (files / "boot" / "grub").mkdir(exist_ok=True)
    (files / "boot" / "grub" / "grub.cfg").write_text(
        f"linux /boot/vmlinuz-{kernel} root=/dev/vda1 ro console=ttyS0\ninitrd /boot/initrd.img-{kernel}\nboot\n"
    )
    (files / "etc" / "fstab").write_text("/dev/vda1 / ext4 defaults 0 1\n")


def _assemble(disk: Path, *, boot: Path, core: Path, part: Path, disk_mib: int) -> None:
    """One partition from the first MiB on; the boot loader before it, where its two parts look for each other."""
    entry = struct.pack("<B3sB3sII", 0x80, bytes(3), 0x83, bytes(3), SECTORS_PER_MIB, disk_mib * SECTORS_PER_MIB)
    with disk.open("wb") as file:
        file.write(boot.read_bytes()[:440].ljust(446, b"\0") + entry.ljust(64, b"\0") + b"\x55\xaa")
        file.write(core.read_bytes())
        file.seek(1 << 20)
        with part.open("rb") as source:
            shutil.copyfileobj(source, file, 1 << 20)


def _run(*command: str) -> None:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, "PATH": path})
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr.strip()[-500:]}")
