"""First process of the rig's own namespaces: starts and stops libvirtd on command, reaps, and takes all down with it.

Runs as `unshare --mount --pid --net --fork --kill-child --mount-proc python keeper.py ROOT`. Reads one command per line
from standard input and answers with one line; the end of input ends everything, because this is the namespace's
process 1.
Uses the standard library only, and is a script rather than a module: nothing of the project is imported.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

BINDS = {
    "lib": "/var/lib/libvirt",
    "cache": "/var/cache/libvirt",
    "log": "/var/log/libvirt",
    "run": "/run/libvirt",
    "etc": "/etc/libvirt",
}


class Keeper:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.daemon = 0

    def bind(self) -> None:
        """Lays private folders over the system's, and gives the namespace the account that libvirtd looks for."""
        for name, place in BINDS.items():
            Path(place).mkdir(parents=True, exist_ok=True)
            self._mount(self.root / name, place)
        if Path("/dev/kvm").exists():
            self._hide(Path("/dev/kvm"))
        try:
            pwd.getpwnam("libvirt-qemu")
        except KeyError:
            copy = self.root / "passwd"
            line = "libvirt-qemu:x:64055:0::/var/lib/libvirt:/usr/sbin/nologin\n"
            copy.write_text(Path("/etc/passwd").read_text() + line)
            self._mount(copy, "/etc/passwd")

    @staticmethod
    def _mount(source: Path, place: str) -> None:
        subprocess.run(["mount", "--bind", str(source), place], check=True)

    def _hide(self, device: Path) -> None:
        """With or without a processor behind it: emulation is the same everywhere. Read-only, else libvirt tries on."""
        nothing = self.root / "nothing"
        nothing.touch()
        self._mount(nothing, str(device))
        subprocess.run(["mount", "-o", "remount,bind,ro", str(device)], check=True)

    def reap(self, *_: object) -> None:
        with contextlib.suppress(ChildProcessError):
            while (gone := os.waitpid(-1, os.WNOHANG)[0]) > 0:
                if gone == self.daemon:
                    self.daemon = 0

    def start(self) -> str:
        if self.daemon:
            return "running"
        log = os.open(self.root / "log" / "daemon.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        etc = self.root / "etc"
        argv = ["libvirtd", "-f", str(etc / "libvirtd.conf"), "-p", str(self.root / "run" / "libvirtd.pid")]
        if (etc / "listen").exists():
            argv.append("--listen")
        actions = [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
        self.daemon = os.posix_spawnp("libvirtd", argv, os.environ, file_actions=actions, setsid=True)
        os.close(log)
        return str(self.daemon)

    def send(self, what: signal.Signals) -> str:
        if not self.daemon:
            return "stopped"
        os.kill(self.daemon, what)
        deadline = time.monotonic() + 15
        while what in (signal.SIGTERM, signal.SIGKILL) and self.daemon and time.monotonic() < deadline:
            time.sleep(0.02)
        return "slow" if self.daemon and what is signal.SIGTERM else "done"

    def serve(self) -> None:
        commands: dict[str, Callable[[], str]] = {
            "start": self.start,
            "stop": lambda: self.send(signal.SIGTERM),
            "kill": lambda: self.send(signal.SIGKILL),
            "freeze": lambda: self.send(signal.SIGSTOP),
            "thaw": lambda: self.send(signal.SIGCONT),
        }
        for line in sys.stdin:
            print(commands[line.strip()](), flush=True)


if __name__ == "__main__":
    keeper = Keeper(Path(sys.argv[1]))
    keeper.bind()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    signal.signal(signal.SIGCHLD, keeper.reap)
    print("ready", flush=True)
    keeper.serve()
