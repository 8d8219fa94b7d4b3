"""Two guests of one boot sector each: they say a word on the serial port and wait.

`deaf` halts for good and hears nothing. `polite` watches the ACPI power button and switches itself off when pressed.
Both discs carry as much incompressible data as asked, so that copying one takes a time that can be watched.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

GREETING = b"guest is up\r\n\0"

SAY = bytes.fromhex(
    "fa 31c0 8ed8"  # cli; ax = 0; ds = ax
    "be 0000"  # si = the greeting, filled in below
    "ba f803"  # dx = first serial port
    "ac 84c0 7403 ee ebf8"  # lodsb; stop at zero; out dx, al; again
)
DEAF = bytes.fromhex("f4 ebfd")  # hlt, for ever, interrupts off
POLITE = bytes.fromhex(
    "ba 0206 b8 0001 ef"  # PM1_EN: report the power button
    "fb f4"  # sti; hlt until the next timer tick
    "ba 0006 ed a9 0001 74f5"  # PM1_STS: pressed? else wait on
    "ba 0406 b8 0020 ef"  # PM1_CNT: sleep enable, type 0 = off
    "ebfe"
)


def boot_sector(rest: bytes) -> bytes:
    """512 bytes that a BIOS boots: greeting, then `rest`."""
    code = bytearray(SAY + rest)
    code[6:8] = (0x7C00 + len(code)).to_bytes(2, "little")
    return bytes(code + GREETING).ljust(510, b"\0") + b"\x55\xaa"


def build(path: Path, *, rest: bytes, size_mib: int, data_mib: int) -> None:
    """A qcow2 disc at `path` of `size_mib`, of which `data_mib` are filled."""
    raw = path.with_suffix(".raw")
    with raw.open("wb") as disc:
        disc.write(boot_sector(rest))
        for _ in range(data_mib):
            disc.write(os.urandom(1 << 20))
        disc.truncate(size_mib << 20)
    command = ["qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", "-o", "compat=1.1", str(raw), str(path)]
    subprocess.run(command, check=True)
    raw.unlink()
