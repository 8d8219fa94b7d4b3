"""A XenAPI server of the tests' own: another process, the wire of the real one, and a line to make it misbehave.

    with XapiRig() as rig:
        adapter = connect(rig.target())

It knows nothing of who asks it. What it can do beyond XenAPI goes through `XapiRig.tell` and the methods around it.

Where it is not like a real pool: durations are zero unless set; a thick SR takes a clone's full size and a snapshot
next to nothing; one lock makes calls atomic outside of waits; `/import_raw_vdi` answers after it has read everything;
usage figures are waves. The priorities of messages, hot-plug refusals and what a revert leaves behind follow the
source as remembered, not a recording. `test_golden.OUT_OF_SCOPE` and `test_scope.REFUSED` name what it cannot do.
"""

from __future__ import annotations

import base64
import ctypes
import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import XenAPI

    from hypervisors.contract import Target

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0
LIBC = ctypes.CDLL(None)


def free_port(addresses: list[str]) -> int:
    """A port that is free on all of them at this moment."""
    while True:
        with socket.create_server((addresses[0], 0)) as first:
            port = int(first.getsockname()[1])
        with suppress(OSError):
            for address in addresses[1:]:
                socket.create_server((address, port)).close()
            return port


def _die_with_parent() -> None:
    """By SIGKILL: a server that is frozen would not hear anything else."""
    pr_set_pdeathsig = 1
    LIBC.prctl(pr_set_pdeathsig, signal.SIGKILL)


class XapiRig:
    """One pool. Each host has an address of its own, 127.0.0.2 and following, all on the same port; the coordinator
    is the first. `expired` gives the server a certificate of yesterday.
    """

    username, password = "root", "xensource-rig"

    def __init__(
        self,
        *,
        hosts: int = 2,
        memory_gib: float = 64,
        vms: int = 0,
        seed: int = 1,
        tls: bool = True,
        start: str = "ordinary",
        supporter_of: str = "",
        expired: bool = False,
    ) -> None:
        self.addresses = [f"127.0.0.{number + 2}" for number in range(hosts)]
        self.port = free_port(self.addresses)
        self.tls, self.expired = tls, expired
        self.root = Path()
        self.ca_pem = ""
        self.options = {"start": start, "memory-gib": memory_gib, "vms": vms, "seed": seed}
        self.options |= {"supporter-of": supporter_of} if supporter_of else {}
        self._process: subprocess.Popen[str] | None = None
        self._line: socket.socket | None = None

    @property
    def address(self) -> str:
        return self.addresses[0]

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.address}:{self.port}"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # the process

    def start(self) -> None:
        """Starts a fresh pool, and waits until it listens; on the port it had before, if there was one."""
        first = self.root == Path()
        if first:
            self.root = Path(tempfile.mkdtemp(prefix="lh-xapi-"))
            if self.tls:
                self._write_certificates()
        while not self._launch():
            self.kill()
            if not first or "Address already in use" not in self.log_text():
                raise RuntimeError(f"The XenAPI rig did not start: {self.log_text()[-800:]}")
            (self.root / "log").unlink()
            self.port = free_port(self.addresses)  # somebody was faster

    def _launch(self) -> bool:
        control = self.root / "control"
        control.unlink(missing_ok=True)
        arguments = [f"--port={self.port}", f"--control={control}", f"--password={self.password}"]
        arguments += [f"--address={address}" for address in self.addresses]
        arguments += [f"--{name}={value}" for name, value in self.options.items()]
        if self.tls:
            arguments += [f"--cert={self.root / 'server.pem'}", f"--key={self.root / 'server.key'}"]
        with (self.root / "log").open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.rigs.xapi", *arguments],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one prctl call, nothing that could take a lock
            )
        assert self._process.stdout is not None
        return bool(self._process.stdout.readline())

    def _write_certificates(self) -> None:
        from tests.rigs.xapi.certificates import written

        self.ca_pem = written(self.root, self.addresses, expired=self.expired)

    def stop(self) -> None:
        """Ends the process and removes its folder. Safe to call twice."""
        self.kill()
        if self.root != Path():
            shutil.rmtree(self.root, ignore_errors=True)
            self.root = Path()

    def kill(self) -> None:
        """kill -9: nothing listens any more, and what the pool was is lost."""
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=PATIENCE)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def freeze(self) -> None:
        """Keeps its connections open and answers nothing any more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def cpu_seconds(self) -> float:
        """What the server's process has used so far."""
        words = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / 100

    def log_text(self) -> str:
        """What the server wrote about its own troubles."""
        place = self.root / "log"
        return place.read_text(errors="replace") if place.exists() else ""

    # asking it

    def target(self, *, read_only: bool = False, timeout: float = 20.0, **other: Any) -> Target:
        """What an adapter connects to; `other` replaces fields, as in `target(secret="wrong")`."""
        from hypervisors.contract import Target

        fields: dict[str, Any] = {"kind": "xen", "address": self.address, "port": self.port, "ca_pem": self.ca_pem}
        fields |= {"username": self.username, "secret": self.password, "read_only": read_only, "timeout": timeout}
        return Target(**fields | other)

    def client(self, address: str = "", *, timeout: float = 30.0) -> XenAPI.Session:
        """The real client, not logged in."""
        import XenAPI

        from tests.rigs.xapi.transport import Transport

        context = ssl.create_default_context(cadata=self.ca_pem) if self.tls else None
        url = self.url.replace(self.address, address or self.address)
        return XenAPI.Session(url, transport=Transport(context, timeout))

    @contextmanager
    def session(self, *, originator: str = "tests") -> Iterator[XenAPI.Session]:
        """The real client, logged in, for the test's own eyes; logged out in the end."""
        with self.connected() as client:
            client.xenapi.login_with_password(self.username, self.password, "2.23", originator)
            try:
                yield client
            finally:
                with suppress(Exception):
                    client.xenapi.session.logout()

    @contextmanager
    def connected(self, address: str = "") -> Iterator[XenAPI.Session]:
        """The real client, not logged in; its connection is closed in the end."""
        client = self.client(address)
        try:
            yield client
        finally:
            client("close")()

    def image(self, name: str = "debian-12") -> str:
        """Ref of a template: debian-12, whose guests listen, or debian-12-deaf, debian-12-stuck, debian-12-plain."""
        with self.session() as session:
            return str(session.xenapi.VM.get_by_name_label(name)[0])

    def image_uuid(self, name: str = "debian-12") -> str:
        with self.session() as session:
            return str(session.xenapi.VM.get_uuid(session.xenapi.VM.get_by_name_label(name)[0]))

    # the line of its own

    def tell(self, do: str, **arguments: Any) -> Any:
        """A command of `tests/rigs/xapi/control.py`; raises what it complains of."""
        if self._line is None:
            self._line = socket.socket(socket.AF_UNIX)
            self._line.settimeout(PATIENCE)
            self._line.connect(str(self.root / "control"))
        self._line.sendall(json.dumps({"do": do, **arguments}).encode() + b"\n")
        answer = json.loads(self._line.makefile("rb").readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["ok"]

    def settings(self, **values: Any) -> Any:
        """How long things take, and what the pool can do: the fields of `context.Settings`."""
        return self.tell("settings", **values)

    @contextmanager
    def fault(self, method: str, action: str, **how: Any) -> Iterator[None]:
        """A `faults.Fault`, taken away in the end: `with rig.fault("VM.clone", "drop", when="after", times=1):`"""
        self.tell("fault", method=method, action=action, **how)
        try:
            yield
        finally:
            self.tell("clear_faults")

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """What went over the wire since the last `reset_log`: number, method, session, received, sent, error."""
        return list(self.tell("log", since=since))

    def restart(self, seconds: float = 0.0) -> None:
        """The toolstack restarts: sessions and connections are gone, nobody listens for a while, the pool stays."""
        self.tell("restart", seconds=seconds)

    def content(self, vdi: str, length: int = 65536) -> bytes:
        """The first bytes that were ever written to a disk."""
        return base64.b64decode(self.tell("content", vdi=vdi, length=length))

    def wait_for(self, reached: Any, seconds: float = 10.0) -> None:
        """Until the function says yes."""
        deadline = time.monotonic() + seconds
        while not reached():
            if time.monotonic() > deadline:
                raise TimeoutError("This never happened.")
            time.sleep(0.02)
