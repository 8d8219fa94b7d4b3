"""What machines use, and what uses the disks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from hypervisors.contract import DiskFile, DiskFiles, UsageSample
from hypervisors.kvm import domains
from hypervisors.kvm.client import Client
from hypervisors.kvm.definitions import is_seed
from hypervisors.kvm.estate import gaps_of, references
from hypervisors.kvm.hosts import Hosts
from hypervisors.kvm.storage import File, Pool, Volume
from hypervisors.kvm.telling import Look, datastore_ref, machines_of, named, understood
from hypervisors.words import line

IMAGE, BACKING, SEED, MEDIUM = "image", "backing of another disk", "seed", "installation medium"


def usage(hosts: Hosts, refs: Sequence[str]) -> list[UsageSample]:
    """Of hosts that do not answer there is none."""
    wanted = set(refs)
    answers = hosts.ask(lambda client: client.use(), last=True).answers
    found: dict[str, UsageSample] = {}
    for client, used in answers:
        for uuid, stats in used:
            ref = f"{uuid}@{client.identity}" if uuid in found else uuid
            found[ref] = _sample(ref, stats)
    return [sample for ref, sample in found.items() if ref in wanted]


def _sample(ref: str, stats: Mapping[str, Any]) -> UsageSample:
    """Counted since the machine was started."""
    cpu = stats.get("cpu.time")
    return UsageSample(
        ref=ref,
        at=datetime.now(UTC),
        seconds=None,
        cpu_seconds=None if cpu is None else cpu / 1e9,
        memory_mib=_memory(stats),
        read_bytes=_sum(stats, "block", "rd.bytes"),
        written_bytes=_sum(stats, "block", "wr.bytes"),
        received_bytes=_sum(stats, "net", "rx.bytes"),
        sent_bytes=_sum(stats, "net", "tx.bytes"),
    )


def _memory(stats: Mapping[str, Any]) -> int | None:
    """As the guest's own balloon driver tells, else what the host has given it so far."""
    if "balloon.available" in stats and "balloon.unused" in stats:
        return int((stats["balloon.available"] - stats["balloon.unused"]) // 1024)
    if "balloon.rss" in stats:
        return int(min(stats["balloon.rss"], stats.get("balloon.current", stats["balloon.rss"])) // 1024)
    return None


def _sum(stats: Mapping[str, Any], group: str, word: str) -> int | None:
    """Of none it is 0; of those that were not asked, or do not tell, it is unknown."""
    count = stats.get(f"{group}.count")
    if count is None:
        return None
    found = [stats.get(f"{group}.{number}.{word}") for number in range(count)]
    return None if found and all(one is None for one in found) else sum(one or 0 for one in found)


@dataclass(frozen=True)
class _Store:
    """All files of one host's pools."""

    look: Look
    files: Sequence[tuple[Pool, File]]
    used: Sequence[tuple[str, Set[str]]]
    """UUID of a machine, and all that its forms and its snapshots name."""


def _store(client: Client) -> _Store:
    look = machines_of(client)
    files: list[tuple[Pool, File]] = []
    for pool in look.pools:
        said = line(pool.name)
        if pool.active:
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
    return found


def _sources(look: Look, uuid: str, xml: str) -> Set[str]:
    try:
        return domains.sources(xml)
    except ValueError:
        look.gaps.append(f"What machine {uuid} uses could not be read.")
        return set()


def disk_files(hosts: Hosts) -> DiskFiles:
    """The files that libvirt knows of: it looks into folders when a pool is started or refreshed."""
    asked = hosts.ask(_store, last=True)
    looks = [(client, store.look) for client, store in asked.answers]
    refs = references(looks)
    found: dict[str, DiskFile] = {}
    for _client, store in asked.answers:
        for told in _told(store, refs, alone=hosts.alone):
            host = store.look.host.ref
            known = found.get(told.ref)
            if known is None or known.datastore_ref == told.datastore_ref:
                found[told.ref] = told if known is None else _both(known, told)
            else:
                found[f"{told.ref}@{host}"] = _again(told, f"{told.ref}@{host}")
    gaps = gaps_of(looks, asked.silent)
    return DiskFiles(not gaps, list(found.values()), gaps)


def _again(told: DiskFile, ref: str) -> DiskFile:
    return DiskFile(ref, told.name, told.datastore_ref, told.size_mib, told.used_by, told.kept_for, told.changed_at)


def _both(one: DiskFile, other: DiskFile) -> DiskFile:
    """The same file of shared storage, as two hosts see it."""
    used_by = tuple(dict.fromkeys([*one.used_by, *other.used_by]))
    return DiskFile(
        one.ref, one.name, one.datastore_ref, one.size_mib, used_by, one.kept_for or other.kept_for, one.changed_at
    )


def _told(store: _Store, refs: Mapping[tuple[str, str], str], *, alone: bool) -> list[DiskFile]:
    host = store.look.host.ref
    users = _users(store, refs)
    layered = {file.backing for _pool, file in store.files if file.backing}
    images = _image_refs(store)
    return [
        DiskFile(
            ref=file.path,
            name=line(file.name),
            datastore_ref=datastore_ref(pool, host, alone=alone),
            size_mib=file.size_mib,
            used_by=[*images.get(file.path, ()), *users.get(file.path, ())],
            kept_for=_kept_for(pool, file, layered),
            changed_at=file.changed_at,
        )
        for pool, file in store.files
    ]


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
    paths = {f"{pool.name}/{file.name}": file.path for pool, file in store.files}
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
