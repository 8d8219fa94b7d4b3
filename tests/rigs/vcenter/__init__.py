"""A vCenter of the test's own: vcsim with a certificate of a test authority, on 127.0.0.2.

    with VcenterRig() as rig:
        adapter = connect(rig.target())

It keeps everything in memory: a stop or a restart forgets what was changed. `freeze` forgets nothing.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self

from hypervisors.contract import Target
from portal.supervisor import die_with_parent
from tests.rigs.libvirt import certificates, free_port
from tests.rigs.vcenter import simulator

ADDRESS = "127.0.0.2"
USERNAME = "svc-leasehold"
PASSWORD = "vc;pass<word>&42"
PATIENCE = 120.0
"""Seconds that ten thousand machines may take to appear, on a busy computer."""


class VcenterRig:
    """One vCenter with a data centre of two datastores and `clusters` clusters, each of which has `hosts` hosts and
    `machines` machines, all on.

    `method_delay` names methods that answer late, and by how many milliseconds: {"CloneVM_Task": 500}.
    """

    def __init__(
        self, *, clusters: int = 1, hosts: int = 2, machines: int = 2, method_delay: Mapping[str, int] | None = None
    ) -> None:
        self.size = {"-dc": 1, "-cluster": clusters, "-host": hosts, "-vm": machines, "-standalone-host": 0, "-ds": 2}
        self.method_delay = dict(method_delay or {})
        self.authority = certificates.authority()
        self.port = free_port(ADDRESS)
        self.root = Path()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def target(self, *, read_only: bool = False, timeout: float = 20.0) -> Target:
        """What the adapter connects to."""
        return Target(
            kind="vmware",
            address=ADDRESS,
            port=self.port,
            username=USERNAME,
            secret=PASSWORD,
            ca_pem=self.authority.pem,
            read_only=read_only,
            timeout=timeout,
        )

    def through(self, port: int, ca_pem: str, **options: object) -> Target:
        """The same vCenter, reached by a relay that listens on another port with a certificate of its own."""
        return replace(self.target(**options), port=port, ca_pem=ca_pem)  # type: ignore[arg-type]

    def start(self) -> None:
        program = simulator.program()
        self.root = Path(tempfile.mkdtemp(prefix="lh-vcenter-"))
        server = certificates.issued("vcenter", self.authority, address=ADDRESS)
        (self.root / "server.pem").write_text(server.pem)
        key = os.open(self.root / "server.key", os.O_CREAT | os.O_WRONLY, 0o600)
        with os.fdopen(key, "w") as file:
            file.write(server.key_pem)
        self._launch(program)

    def _launch(self, program: Path) -> None:
        options = {
            "-l": f"{ADDRESS}:{self.port}",
            "-username": USERNAME,
            "-password": PASSWORD,
            "-tlscert": self.root / "server.pem",
            "-tlskey": self.root / "server.key",
            **self.size,
        }
        if self.method_delay:
            options["-method-delay"] = ",".join(f"{name}:{delay}" for name, delay in self.method_delay.items())
        with (self.root / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, *(str(word) for option in options.items() for word in option)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.root,
                env={"PATH": "/usr/bin:/bin", "TMPDIR": str(self.root), "HOME": str(self.root)},
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one prctl call, nothing that could take a lock
            )
        self._wait(self._process)

    def _wait(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        late = threading.Timer(PATIENCE, process.kill)
        late.start()
        said = process.stdout.readline()
        late.cancel()
        if not said.startswith("export GOVC_URL="):
            raise RuntimeError(f"vcsim did not start: {self.log()[-500:] or said or 'no word'}")

    def stop(self) -> None:
        """Ends it and removes its folder. Safe to call twice."""
        self.kill()
        if self.root != Path():
            shutil.rmtree(self.root, ignore_errors=True)

    def kill(self) -> None:
        """kill -9, and not back before it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=15)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def restart(self) -> None:
        """On the same port, with nothing of what was done to it."""
        self.kill()
        self._launch(simulator.program())

    def freeze(self) -> None:
        """A server that holds its connections and never answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def log(self) -> str:
        """What it wrote to its standard error."""
        place = self.root / "log"
        return place.read_text(errors="replace") if place.exists() else ""
