"""Builds vcsim, govmomi's vCenter simulator, from Debian's packages; kept in var/cache for the next time.

The -dev package holds the simulator as a library; the few lines that make a program of it are in the source package,
which apt fetches and checks against its signed index.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(__file__).parents[3] / "var" / "cache" / "vcsim"
PACKAGE = "golang-github-vmware-govmomi"
NEEDED = {"/usr/bin/go": "golang-go", "/usr/share/gocode/src/github.com/vmware/govmomi/simulator": f"{PACKAGE}-dev"}
TARBALLS = {"0.24.2": "dbd0666ab3e3b61e6afe55f05602f8a77b411dff9e605ae35a51b898b9cc26bd"}
"""Upstream version -> SHA-256 of its tarball in the source package."""
BUILD = ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", "vcsim", "main.go"]
GO = {"GO111MODULE": "off", "GOPROXY": "off", "GOFLAGS": "", "GOPATH": "/usr/share/gocode", "CGO_ENABLED": "0"}


class CannotBuild(RuntimeError):
    """Why there is no simulator here, and what would bring one."""


def missing() -> list[str]:
    """Packages that this host lacks to build it; none are needed once it is built."""
    return [package for path, package in NEEDED.items() if not Path(path).exists()] if not _built() else []


def program() -> Path:
    """The simulator, built now if it is not there. Raises CannotBuild. Of two who want it at once, one waits."""
    if lacking := missing():
        raise CannotBuild(f"apt-get install {' '.join(lacking)}")
    CACHE.mkdir(parents=True, exist_ok=True)
    with _alone():
        return _built() or _build(_version())


def _built() -> Path | None:
    return max(CACHE.glob("vcsim-*"), key=lambda path: path.stat().st_mtime, default=None)


@contextmanager
def _alone() -> Iterator[None]:
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _version() -> str:
    """Of the package, as Debian counts: upstream's version, a dash, Debian's own."""
    return _run(["dpkg-query", "-W", "-f", "${source:Version}", f"{PACKAGE}-dev"]).strip()


def _build(version: str) -> Path:
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="build-") as name:
        folder = Path(name)
        _unpack(_fetch(version, folder), folder)
        caches = {"GOCACHE": str(folder / "go"), "HOME": name, "TMPDIR": name}
        _run(BUILD, folder=folder, env={"PATH": os.environ["PATH"], **GO, **caches})
        return (folder / "vcsim").replace(CACHE / f"vcsim-{version}")


def _fetch(version: str, folder: Path) -> Path:
    """The upstream tarball, through apt: from the machine's own Debian archive, with lists of our own."""
    upstream = version.rpartition("-")[0]
    if upstream not in TARBALLS:
        raise CannotBuild(f"Only {', '.join(TARBALLS)} of {PACKAGE}-dev is known, and {version} is installed.")
    sources = folder / "debian.sources"
    sources.write_text(_source_lists())
    (folder / "lists" / "partial").mkdir(parents=True)
    options = {
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "archives",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-q", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    _run([*apt, "update"], folder=folder)
    _run([*apt, "source", "--download-only", f"{PACKAGE}={version}"], folder=folder)
    return _checked(folder / f"{PACKAGE}_{upstream}.orig.tar.xz", TARBALLS[upstream])


def _checked(tarball: Path, expected: str) -> Path:
    if hashlib.sha256(tarball.read_bytes()).hexdigest() != expected:
        raise CannotBuild(f"{tarball.name} is not the one that was looked at.")
    return tarball


def _source_lists() -> str:
    """Where this machine has its Debian packages from, as places of their sources."""
    stanzas = _stanzas()
    if not stanzas and os.geteuid() == 0:  # a machine whose lists were thrown away to save room
        _run(["apt-get", "-q", "update"])
        stanzas = _stanzas()
    if not stanzas:
        raise CannotBuild("apt knows no Debian archive on this machine: apt-get update")
    return "\n".join(stanzas)


def _stanzas() -> list[str]:
    wanted = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(SIGNED_BY)"
    found = []
    for line in _run(["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"]).splitlines():
        uri, release, component, signed_by = line.split(maxsplit=3)
        if component == "main" and "debian" in uri:
            key = f"Signed-By: {signed_by}\n" if signed_by.startswith("/") else ""
            found.append(f"Types: deb-src\nURIs: {uri}\nSuites: {release}\nComponents: {component}\n{key}")
    return found


def _unpack(tarball: Path, folder: Path) -> None:
    with tarfile.open(tarball) as archive:
        source = next((one for one in archive if one.isfile() and one.name.endswith("/vcsim/main.go")), None)
        text = archive.extractfile(source) if source else None
        if text is None:
            raise CannotBuild(f"{tarball.name} holds no vcsim.")
        with (folder / "main.go").open("wb") as file:
            shutil.copyfileobj(text, file)


def _run(command: list[str], *, folder: Path | None = None, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=folder, env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        raise CannotBuild(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout
