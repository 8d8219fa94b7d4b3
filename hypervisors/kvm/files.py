"""Disks as storage sees them: every file of the hosts' pools, and what has it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial

from hypervisors import retired
from hypervisors.contract import DiskFile, DiskFiles
from hypervisors.kvm import domains
from hypervisors.kvm.client import Client
from hypervisors.kvm.copying import is_mark
from hypervisors.kvm.definitions import is_seed
from hypervisors.kvm.estate import gaps_of, references
from hypervisors.kvm.hosts import Asked, Hosts
from hypervisors.kvm.storage import File, Pool, Volume
from hypervisors.kvm.telling import Look, datastore_ref, machines_of, named, understood
from hypervisors.words import line

IMAGE, BACKING, SEED, MEDIUM = "image", "backing of another disk", "seed", "installation medium"
NAMESAKE = "a machine has a file of this name at a place that is not known"


@dataclass(frozen=True)
class _Store:
    """All files of one host's pools."""

    look: Look
    files: Sequence[tuple[Pool, File]]
    used: Sequence[tuple[str, Set[str]]]
    """UUID of a machine, and all that its forms and its snapshots name."""

    @property
    def paths(self) -> Mapping[str, str]:
        """Path of a file by all that machines may call it."""
        by_volume = {f"{pool.name}/{file.name}": file.path for pool, file in self.files}
        return by_volume | {file.path: file.path for _pool, file in self.files}

    @property
    def strangers(self) -> set[str]:
        """Last part of what machines and files name on this host and none of its pools has. It may be any file: by
        another way through the same storage."""
        known = self.paths
        named_here = {source for _uuid, sources in self.used for source in sources}
        named_here |= {file.backing for _pool, file in self.files}
        return {source.rpartition("/")[2] for source in named_here if source and source not in known}


@dataclass(frozen=True)
class Found:
    """A file, and where one host has it."""

    told: DiskFile
    client: Client
    pool: Pool
    file: File


@dataclass(frozen=True)
class Files:
    """By reference; what is not known is a gap."""

    found: Mapping[str, Found]
    gaps: Sequence[str]
    hosts: Set[str]
    """References of the hosts."""


def disk_files(hosts: Hosts) -> DiskFiles:
    """The files that libvirt knows of: it looks into folders when a pool is started or refreshed."""
    files = _put_together(hosts, hosts.ask(_store, last=True))
    return DiskFiles(not files.gaps, [found.told for found in files.found.values()], files.gaps)


def looked_anew(hosts: Hosts) -> Files:
    """As `disk_files`, of folders as they are now. All hosts have to answer; Busy while something is written there."""
    asked = hosts.ask(lambda client: _store(client, refresh=True))
    asked.whole()
    return _put_together(hosts, asked)


def _store(client: Client, *, refresh: bool = False) -> _Store:
    look = machines_of(client)
    files: list[tuple[Pool, File]] = []
    for pool in look.pools:
        said = line(pool.name)
        if pool.active:
            if refresh:
                client.refresh(pool.name)
            found = look.part(f"Storage pool {said}", partial(client.files, pool.name))
            files += [(pool, file) for file in found or []]
        else:
            look.gaps.append(f"Storage pool {said} is not active: what lies in it is not known.")
    return _Store(look, files, look.part("What machines use", lambda: _named_by_machines(client, look)) or [])


def _named_by_machines(client: Client, look: Look) -> list[tuple[str, Set[str]]]:
    found: list[tuple[str, Set[str]]] = []
    for uuid, xml in client.all_xml():
        found.append((uuid, _sources(look, uuid, xml)))
    for seen in look.seen:
        domains_then = [one.domain for one in understood(seen.snapshots)]
        found += [(seen.uuid, domains.sources(xml)) for xml in domains_then if xml]
        found += [(seen.uuid, domains.everything_named(xml)) for xml in seen.snapshots]
    return found


def _sources(look: Look, uuid: str, xml: str) -> Set[str]:
    try:
        return domains.everything_named(xml)
    except ValueError:
        look.gaps.append(f"What machine {uuid} uses could not be read.")
        return set()


def _put_together(hosts: Hosts, asked: Asked[_Store]) -> Files:
    """Shared storage is one, whatever the hosts call the folder where they have it."""
    looks = [(client, store.look) for client, store in asked.answers]
    refs = references(looks)
    strangers = {name for _client, store in asked.answers for name in store.strangers}
    found: dict[str, Found] = {}
    for client, store in asked.answers:
        for told, pool, file in _told(store, refs, strangers, alone=hosts.alone):
            known = found.get(told.ref)
            one = Found(told, client, pool, file)
            found[told.ref] = one if known is None else replace(known, told=_both(known.told, told))
    return Files(found, gaps_of(looks, asked.silent), {look.host.ref for _client, look in looks})


def _both(one: DiskFile, other: DiskFile) -> DiskFile:
    """The same file of shared storage, as two hosts see it."""
    used_by = tuple(dict.fromkeys([*one.used_by, *other.used_by]))
    return replace(one, used_by=used_by, kept_for=one.kept_for or other.kept_for)


def _told(
    store: _Store, refs: Mapping[tuple[str, str], str], strangers: Set[str], *, alone: bool
) -> Iterable[tuple[DiskFile, Pool, File]]:
    host = store.look.host.ref
    users = _users(store, refs)
    layered = {file.backing for _pool, file in store.files if file.backing}
    images = _image_refs(store)
    for pool, file in store.files:
        if is_mark(file.name):
            continue
        whole = retired.tellable(file.name)
        kept_for = _kept_for(pool, file, layered) or ("" if whole else retired.UNTELLABLE)
        used_by = [*images.get(file.path, ()), *users.get(file.path, ())]
        if not used_by and not kept_for and file.name in strangers:
            kept_for = NAMESAKE
        told = DiskFile(
            ref=_ref(pool, file, host, alone=alone),
            name=file.name if whole else line(file.name),
            datastore_ref=datastore_ref(pool, host, alone=alone),
            size_mib=file.size_mib,
            used_by=used_by,
            kept_for=kept_for,
            changed_at=file.changed_at,
        )
        yield told, pool, file


def _ref(pool: Pool, file: File, host: str, *, alone: bool) -> str:
    """The same whichever host tells it, and never another file's: hosts have folders of the same name."""
    if pool.shared and pool.source:
        return f"{pool.source}/{file.name}"
    return file.path if alone else f"{file.path}@{host}"


def _kept_for(pool: Pool, file: File, layered: Set[str]) -> str:
    if pool.of_images:
        return IMAGE
    if file.path in layered:
        return BACKING
    if is_seed(file.name):
        return SEED
    return MEDIUM if file.name.lower().endswith(".iso") else ""


def _image_refs(store: _Store) -> Mapping[str, Sequence[str]]:
    volumes = [(pool, Volume(file.path, file.name, file.size_mib, 0)) for pool, file in store.files if pool.of_images]
    return {volume.ref: [ref] for ref, volume in named(volumes)}


def _users(store: _Store, refs: Mapping[tuple[str, str], str]) -> Mapping[str, Sequence[str]]:
    """By path: machines that name it, or a disk that lies on it."""
    behind = {file.path: file.backing for _pool, file in store.files if file.backing}
    paths = store.paths
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for uuid, sources in store.used:
        ref = refs.get((store.look.host.ref, uuid), uuid)
        for source in sources:
            path, seen = paths.get(source, source), set[str]()
            while path and path not in seen:
                seen.add(path)
                found[path][ref] = None
                path = behind.get(path, "")
    return {path: list(users) for path, users in found.items()}
