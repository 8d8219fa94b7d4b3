"""A libvirtd with QEMU under software emulation, of the test's own: private namespaces, sockets, pools and guests.

    with LibvirtRig() as rig:
        adapter = connect(rig.target())

Everything lives in one temporary folder and one process namespace that dies with the process that started it.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Self

from hypervisors.contract import Target
from tests.rigs.libvirt import certificates, guest

NEEDED = {
    "libvirtd": "libvirt-daemon",
    "virsh": "libvirt-clients",
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "unshare": "util-linux",
    "mount": "mount",
    "ip": "iproute2",
    "dnsmasq": "dnsmasq-base",
    "iptables": "iptables",
}

LIBVIRTD_CONF = """
unix_sock_dir = "{root}/sock"
unix_sock_rw_perms = "0777"
unix_sock_ro_perms = "0777"
auth_unix_ro = "none"
auth_unix_rw = "none"
host_uuid = "{host_uuid}"
log_outputs = "3:stderr"
"""

TLS_CONF = """
listen_tls = 1
listen_tcp = 0
listen_addr = "127.0.0.2"
tls_port = "{port}"
auth_tls = "none"
ca_file = "{root}/etc/ca.pem"
cert_file = "{root}/etc/server.pem"
key_file = "{root}/etc/server.key"
"""

QEMU_CONF = """
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
vnc_listen = "127.0.0.1"
"""

NETWORK = """
<network><name>lab</name><bridge name='virlab0'/>
  <ip address='192.168.177.1' netmask='255.255.255.0'>
    <dhcp><range start='192.168.177.2' end='192.168.177.250'/></dhcp>
  </ip>
</network>
"""
"""In a network namespace of the rig's own: it reaches nobody, and gives its guests addresses."""

POOL = "<pool type='dir'><name>{name}</name><target><path>{path}</path></target></pool>"


def missing() -> list[str]:
    """Packages that this host lacks, by the name apt knows them under."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return [package for program, package in NEEDED.items() if shutil.which(program, path=path) is None]


def free_port(address: str) -> int:
    """A port that nobody listens on at this moment."""
    with socket.create_server((address, 0)) as server:
        return int(server.getsockname()[1])


def _die_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class LibvirtRig:
    """One host of its own. `image_mib` and `data_mib` size the two guest images, `deaf.qcow2` and `polite.qcow2`.

    It has a network `lab`; not so with `tls`, where it listens on 127.0.0.2 instead, for clients whose certificate
    comes from `authority`.
    """

    def __init__(self, *, image_mib: int = 80, data_mib: int = 64, tls: bool = False) -> None:
        self.tls_port = free_port("127.0.0.2") if tls else 0
        self.authority = certificates.authority() if tls else None
        self.image_mib = image_mib
        self.data_mib = data_mib
        self.host_uuid = str(uuid.uuid4())
        self.root = Path()
        self._keeper: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def socket(self) -> Path:
        return self.root / "sock" / "libvirt-sock"

    @property
    def uri(self) -> str:
        return f"qemu+unix:///system?socket={self.socket}"

    @property
    def inside(self) -> list[str]:
        """What stands before a command that is to reach the guests on their network."""
        assert self._keeper is not None
        return ["nsenter", f"--target={self._keeper.pid}", "--net"]

    def target(self, read_only: bool = False, timeout: float = 20.0) -> Target:
        """What the adapter connects to."""
        return Target(kind="kvm", transport="unix", path=str(self.socket), read_only=read_only, timeout=timeout)

    def tls_target(self, read_only: bool = False, timeout: float = 20.0) -> Target:
        """The same host by TLS, with a client certificate of its authority."""
        assert self.authority is not None
        client = certificates.issued("portal", self.authority)
        return Target(
            kind="kvm",
            transport="tls",
            address="127.0.0.2",
            port=self.tls_port,
            secret=client.pem + client.key_pem,
            ca_pem=self.authority.pem,
            read_only=read_only,
            timeout=timeout,
        )

    def start(self) -> None:
        """Builds the guests, starts the daemon, waits for it and makes the pools `images` and `machines`."""
        self.root = Path(tempfile.mkdtemp(prefix="lh-libvirt-"))
        self.root.chmod(0o755)
        for name in ("lib", "cache", "log", "run", "etc", "sock", "images", "machines"):
            (self.root / name).mkdir()
        self._write_config()
        for name, rest in (("deaf", guest.DEAF), ("polite", guest.POLITE)):
            place = self.root / "images" / f"{name}.qcow2"
            guest.build(place, rest=rest, size_mib=self.image_mib, data_mib=self.data_mib)
        self._start_keeper()
        self.start_daemon()
        for name in ("images", "machines"):
            self.add_pool(name, self.root / name)
        if not self.tls_port:
            self._add_network()

    def _write_config(self) -> None:
        etc = self.root / "etc"
        (etc / "libvirtd.conf").write_text(LIBVIRTD_CONF.format(root=self.root, host_uuid=self.host_uuid))
        (etc / "qemu.conf").write_text(QEMU_CONF)
        if self.authority is not None:
            server = certificates.issued("127.0.0.2", self.authority)
            files = {"ca.pem": self.authority.pem, "server.pem": server.pem, "server.key": server.key_pem, "listen": ""}
            for name, text in files.items():
                (etc / name).write_text(text)
            with (etc / "libvirtd.conf").open("a") as file:
                file.write(TLS_CONF.format(port=self.tls_port, root=self.root))

    def _start_keeper(self) -> None:
        own_network = [] if self.tls_port else ["--net"]
        command = ["unshare", "--mount", "--pid", *own_network, "--fork", "--kill-child", "--mount-proc"]
        keeper = Path(__file__).with_name("keeper.py")
        self._keeper = subprocess.Popen(
            [*command, sys.executable, "-I", str(keeper), str(self.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.root), "LC_ALL": "C.UTF-8"},
            cwd=self.root,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one prctl call, nothing that could take a lock
        )
        self._read("ready")

    def _read(self, expected: str = "") -> str:
        assert self._keeper is not None and self._keeper.stdout is not None
        line = self._keeper.stdout.readline().strip()
        if not line or (expected and line != expected):
            raise RuntimeError(f"The libvirt rig did not start: {line or self.log()[-500:] or 'no answer'}")
        return line

    def _tell(self, command: str) -> str:
        assert self._keeper is not None and self._keeper.stdin is not None
        self._keeper.stdin.write(command + "\n")
        self._keeper.stdin.flush()
        return self._read()

    def stop(self) -> None:
        """Ends the namespace, and with it every process in it; removes the folder. Safe to call twice."""
        if self._keeper is not None:
            self._keeper.kill()
            self._keeper.wait(timeout=15)
            for pipe in (self._keeper.stdin, self._keeper.stdout):
                if pipe is not None:
                    pipe.close()
            self._keeper = None
        if self.root != Path():
            shutil.rmtree(self.root, ignore_errors=True)

    def start_daemon(self) -> None:
        """Starts libvirtd (again) and waits until it answers; guests that were running are found again."""
        self._tell("start")
        deadline = time.monotonic() + 60
        while self.virsh("version", check=False).returncode:
            if time.monotonic() > deadline:
                raise RuntimeError(f"libvirtd does not answer: {self.log()[-500:]}")
            time.sleep(0.1)

    def stop_daemon(self) -> None:
        """Stops libvirtd; guests run on, as they do when a real one is restarted."""
        self._tell("stop")

    def kill_daemon(self) -> None:
        """kill -9."""
        self._tell("kill")

    def freeze_daemon(self) -> None:
        """A daemon that holds its connections and never answers."""
        self._tell("freeze")

    def thaw_daemon(self) -> None:
        self._tell("thaw")

    def virsh(self, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """One virsh command against this rig; its output is in `.stdout`."""
        command = ["virsh", "-q", "-c", self.uri, *args]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=60, env={**os.environ, "LC_ALL": "C"}
        )
        if check and done.returncode:
            raise RuntimeError(f"virsh {' '.join(args)}: {done.stderr.strip()}")
        return done

    def press_power_button(self, ref: str, seconds: float = 10) -> bool:
        """Whether the guest switches itself off in that time; pressed again and again until it listens."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.virsh("shutdown", ref, "--mode", "acpi", check=False)
            time.sleep(0.1)
            if self.virsh("domstate", ref).stdout.strip() == "shut off":
                return True
        return False

    def add_pool(self, name: str, path: Path) -> None:
        definition = self.root / f"{name}.pool.xml"
        definition.write_text(POOL.format(name=name, path=path))
        self.virsh("pool-define", str(definition))
        self.virsh("pool-autostart", name)
        self.virsh("pool-start", name)

    def _add_network(self) -> None:
        definition = self.root / "network.xml"
        definition.write_text(NETWORK)
        self.virsh("net-define", str(definition))
        self.virsh("net-autostart", "lab")
        self.virsh("net-start", "lab")

    def add_image(self, place: Path) -> str:
        """Puts a disk among the images. Returns its reference."""
        shutil.copy(place, self.root / "images" / place.name)
        self.virsh("pool-refresh", "images")
        return place.name

    def console(self, ref: str, until: Callable[[str], bool], seconds: float = 180) -> str:
        """What a guest says on its serial port from now on, up to the moment in which it has said enough."""
        pty = os.open(self.virsh("ttyconsole", ref).stdout.strip(), os.O_RDONLY | os.O_NOCTTY)
        said, deadline = "", time.monotonic() + seconds
        try:
            while not until(said):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"The guest has not said it: {said[-500:]!r}")
                if select.select([pty], [], [], 0.5)[0]:
                    said += os.read(pty, 4096).decode(errors="replace").replace("\r", "")
        finally:
            os.close(pty)
        return said

    def image(self, name: str = "deaf") -> str:
        """Reference of a guest image, as orders name it."""
        return str(self.root / "images" / f"{name}.qcow2")

    def volumes(self, pool: str = "machines") -> set[str]:
        """Files that lie in a pool's folder now, whatever libvirt thinks."""
        return {entry.name for entry in (self.root / pool).iterdir()}

    def log(self) -> str:
        """What the daemon wrote."""
        place = self.root / "log" / "daemon.log"
        return place.read_text(errors="replace") if place.exists() else ""
