"""Redis servers of the tests' own: alone, by TLS, or watched by Sentinels.

They listen on loopback on ports that were free, keep nothing, are stopped by their process ids, and end with the
process that started them.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from redis import Redis, RedisError

from portal.supervisor import die_with_parent
from tests.rigs.tls import write_certificates

MASTER = "leasehold"
PATIENCE = 20.0


def missing() -> list[str]:
    """Debian packages that would have to be installed first."""
    return [name for name in ("redis-server", "redis-sentinel") if shutil.which(name) is None]


class Server:
    """One redis-server, or a Sentinel. `password` guards it, `tls` gives it a certificate of a new authority."""

    program = "redis-server"

    def __init__(self, folder: Path, *, password: str = "", tls: Path | None = None) -> None:
        self.folder, self.password, self.tls = folder, password, tls
        self.port = free_port()
        folder.mkdir(mode=0o700)
        self.process: subprocess.Popen[bytes] | None = None

    def configuration(self) -> list[str]:
        lines = ["bind 127.0.0.1", f"dir {self.folder}", "daemonize no", f"logfile {self.folder / 'log'}"]
        lines += [f"port {0 if self.tls else self.port}", f"tls-port {self.port if self.tls else 0}"]
        if self.tls:
            lines += [f"tls-cert-file {self.tls / 'server.pem'}", f"tls-key-file {self.tls / 'server.key'}"]
            lines += [f"tls-ca-cert-file {self.tls / 'ca.pem'}", "tls-auth-clients yes", "tls-replication yes"]
        if self.password:
            lines += [f'requirepass "{self.password}"']
        return [*lines, *self.particular()]

    def particular(self) -> list[str]:
        keep_nothing = ['save ""', "appendonly no"]
        return [*keep_nothing, f'masterauth "{self.password}"'] if self.password else keep_nothing

    def start(self) -> None:
        file = self.folder / "conf"
        file.write_text("\n".join(self.configuration()) + "\n")
        self.process = subprocess.Popen(
            [self.program, file],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one prctl call, nothing that could take a lock
        )
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.program} did not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            return bool(self.ask("ping"))
        except (RedisError, OSError):
            return False

    def ask(self, *words: str) -> Any:
        """One command on a connection of its own."""
        secured: dict[str, Any] = {}
        if self.tls:
            secured = {"ssl": True, "ssl_ca_certs": str(self.tls / "ca.pem")}
            secured |= {"ssl_certfile": str(self.tls / "client.pem"), "ssl_keyfile": str(self.tls / "client.key")}
        with Redis("127.0.0.1", self.port, password=self.password or None, socket_timeout=2, **secured) as client:
            return client.execute_command(*words)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stops it, and not before it is gone."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=PATIENCE)
            self.process = None

    def freeze(self, *, thaw: bool = False) -> None:
        """Keeps its connections open and answers nothing any more; `thaw` lets it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT if thaw else signal.SIGSTOP)


class Replica(Server):
    def __init__(self, folder: Path, of: Server) -> None:
        super().__init__(folder, password=of.password, tls=of.tls)
        self.of = of

    def particular(self) -> list[str]:
        return [*super().particular(), f"replicaof 127.0.0.1 {self.of.port}"]


class Sentinel(Server):
    program = "redis-sentinel"

    def __init__(self, folder: Path, of: Server, *, password: str = "") -> None:
        super().__init__(folder, password=password, tls=of.tls)
        self.of = of

    def particular(self) -> list[str]:
        lines = [f"sentinel monitor {MASTER} 127.0.0.1 {self.of.port} 2"]
        if self.of.password:
            lines.append(f'sentinel auth-pass {MASTER} "{self.of.password}"')
        if self.password:
            lines.append(f'sentinel sentinel-pass "{self.password}"')
        return [
            *lines,
            f"sentinel down-after-milliseconds {MASTER} 1000",
            f"sentinel failover-timeout {MASTER} 5000",
        ]


class RedisRig:
    """A server, a broker's address for it, and the settings that go with the address."""

    def __init__(self, *, password: str = "", tls: bool = False) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="leasehold-redis-"))
        self.tls = write_certificates(self.root / "tls") if tls else None
        self.server = Server(self.root / "server", password=password, tls=self.tls)
        self.servers = [self.server]

    def __enter__(self) -> Self:
        try:
            for server in self.servers:
                server.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for server in reversed(self.servers):
            server.end(signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)

    @property
    def environ(self) -> dict[str, str]:
        """What an installation has to be told to use it."""
        word = f":{quote(self.server.password, safe='')}@" if self.server.password else ""
        scheme = "rediss" if self.tls else "redis"
        return {"BROKER_URL": f"{scheme}://{word}127.0.0.1:{self.server.port}/0", **self._files()}

    def _files(self) -> dict[str, str]:
        if self.tls is None:
            return {}
        names = {"CA": "ca.pem", "CERT": "client.pem", "KEY": "client.key"}
        return {f"BROKER_{name}_FILE": str(self.tls / file) for name, file in names.items()}


class SentinelRig(RedisRig):
    """A master, its replica, and three Sentinels, two of which can agree."""

    def __init__(self, *, password: str = "", sentinel_password: str = "", tls: bool = False) -> None:
        super().__init__(password=password, tls=tls)
        self.replica = Replica(self.root / "replica", self.server)
        self.sentinels = [
            Sentinel(self.root / f"sentinel-{number}", self.server, password=sentinel_password) for number in range(3)
        ]
        self.servers += [self.replica, *self.sentinels]

    @property
    def environ(self) -> dict[str, str]:
        word = f":{quote(self.server.password, safe='')}@" if self.server.password else ""
        addresses = ";".join(f"sentinel://{word}127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        named = {"BROKER_URL": f"{addresses}/0", "BROKER_SENTINEL_MASTER": MASTER}
        return {**named, "BROKER_SENTINEL_PASSWORD": self.sentinels[0].password, **self._files()}

    def agreed(self) -> bool:
        """Every Sentinel knows the replica and the other Sentinels: from then on they can replace the master."""
        return all(
            len(sentinel.ask("SENTINEL", what, MASTER)) == count
            for sentinel in self.sentinels
            for what, count in (("REPLICAS", 1), ("SENTINELS", 2))
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
