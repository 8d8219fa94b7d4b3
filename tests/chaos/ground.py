"""What installations of the chaos stand on: the servers, and a company to be copied, made once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.chaos.programs import environment
from tests.chaos.servers import Servers
from tests.chaos.stage import FILE
from tests.journeys.pairs import ask
from tests.journeys.site import ROOT
from tests.rigs.libvirt import LibvirtRig

TEMPLATE = "chaos_template"


@dataclass(frozen=True)
class Site:
    """Where an installation lies, what its programs are told, and what its clients know."""

    folder: Path
    env: dict[str, str]
    stage: dict[str, Any]


class Ground:
    """`install` gives a fresh database with its folder; all of it is gone in the end."""

    def __init__(self, binaries: Path) -> None:
        self.servers = Servers(binaries)
        self.folder = Path(tempfile.mkdtemp(prefix="leasehold-chaos-"))
        self.count = 0
        self.stage: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.servers.__enter__()
        try:
            self.stage = self._make_template()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.servers.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_template(self) -> dict[str, Any]:
        postgres, folder = self.servers.postgres, self.folder / "template"
        folder.mkdir()
        ask(postgres.address("postgres"), f"CREATE DATABASE {TEMPLATE}")
        env = environment(folder, database=postgres.address(TEMPLATE), broker=self.servers.broker())
        return _fill(env)

    def install(self, *, mail_port: int = 25, more: dict[str, str], rig: LibvirtRig | None = None) -> Site:
        """A new installation, whose programs were not started yet."""
        self.count += 1
        folder = self.folder / f"site-{self.count}"
        (folder / "simulated").mkdir(parents=True)
        shutil.copy(self.folder / "template" / "simulated" / FILE, folder / "simulated" / FILE)
        database = self.servers.postgres.copy(TEMPLATE, f"chaos_{self.count}")
        env = environment(folder, database=database, broker=self.servers.broker(), mail_port=mail_port) | more
        return Site(folder, env, self.stage | (_fill(env, str(rig.socket)) if rig else {}))


def _fill(env: dict[str, str], *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.chaos.stage", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
