"""Pools, hosts, datastores, networks and images: brought up to date, flagged when gone, never deleted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from hypervisors.contract import Inventory
from lifecycle.estate.cleaning import cut, whole
from lifecycle.estate.models import Datastore, Endpoint, Host, Image, Network, Pool
from lifecycle.estate.models.endpoints import Part
from lifecycle.estate.sync.reading import BIG_INTEGER, INTEGER

CHUNK = 500

AnyPart = TypeVar("AnyPart", bound=Part)
Columns = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """Reference -> row, for what machines point at."""

    pools: dict[str, int] = field(default_factory=dict)
    hosts: dict[str, int] = field(default_factory=dict)
    datastores: dict[str, int] = field(default_factory=dict)
    networks: dict[str, int] = field(default_factory=dict)


def known_parts(endpoint: Endpoint) -> Parts:
    """As earlier looks saw them."""
    return Parts(*(_keys(model, endpoint) for model in (Pool, Host, Datastore, Network)))


def write_parts(endpoint: Endpoint, inventory: Inventory, *, at: datetime) -> Parts:
    """Only after a complete scan is anything flagged as gone."""
    complete = inventory.complete
    pools = _upsert(Pool, endpoint, _named(inventory.pools), complete)
    hosts = {
        fact.ref: {
            "name": fact.name,
            "pool_id": pools.get(fact.pool_ref),
            "cpus": whole(fact.cpus, most=INTEGER),
            "memory_mib": whole(fact.memory_mib, most=BIG_INTEGER),
            "connected": bool(fact.connected),
        }
        for fact in inventory.hosts
    }
    datastores = {
        fact.ref: {
            "name": fact.name,
            "capacity_mib": whole(fact.capacity_mib, most=BIG_INTEGER),
            "free_mib": whole(fact.free_mib, most=BIG_INTEGER),
            "identity": cut(fact.identity, 255),
            "shared": bool(fact.shared),
        }
        for fact in inventory.datastores
    }
    images = {
        fact.ref: {"name": fact.name, "disk_mib": whole(fact.disk_mib, most=BIG_INTEGER)} for fact in inventory.images
    }
    _upsert(Image, endpoint, images, complete)
    Image.objects.filter(endpoint=endpoint, first_seen_at=None).update(first_seen_at=at)
    return Parts(
        pools,
        _upsert(Host, endpoint, hosts, complete),
        _upsert(Datastore, endpoint, datastores, complete),
        _upsert(Network, endpoint, _named(inventory.networks), complete),
    )


def _keys(model: type[AnyPart], endpoint: Endpoint) -> dict[str, int]:
    return dict(model._default_manager.filter(endpoint=endpoint).order_by().values_list("ref", "pk"))


def _named(facts: Iterable[Any]) -> dict[str, Columns]:
    return {fact.ref: {"name": fact.name} for fact in facts}


def _upsert(model: type[AnyPart], endpoint: Endpoint, seen: dict[str, Columns], complete: bool) -> dict[str, int]:
    """One query when nothing changed, whatever their number."""
    rows = {row.ref: row for row in model._default_manager.filter(endpoint=endpoint).order_by()}
    changed = []
    for ref, columns in seen.items():
        if cut(ref, 255) != ref:
            continue
        wanted = columns | {"name": cut(columns["name"], 255) or ref, "gone": False}
        row = rows.get(ref)
        if row is None or any(getattr(row, name) != value for name, value in wanted.items()):
            changed.append(model(endpoint=endpoint, ref=ref, **wanted))
    _write(model, changed, [name.removesuffix("_id") for name in next(iter(seen.values()), {})])
    gone = [row.pk for ref, row in rows.items() if ref not in seen and not row.gone] if complete else []
    if gone:
        model._default_manager.filter(pk__in=gone).update(gone=True)
    if changed:
        return _keys(model, endpoint)
    return {ref: row.pk for ref, row in rows.items()}


def _write(model: type[AnyPart], changed: list[AnyPart], columns: list[str]) -> None:
    """Inserts or updates: another scan of the same endpoint may be as far as this one."""
    for start in range(0, len(changed), CHUNK):
        model._default_manager.bulk_create(
            changed[start : start + CHUNK],
            update_conflicts=True,
            unique_fields=["endpoint", "ref"],
            update_fields=[*columns, "gone"],
        )
