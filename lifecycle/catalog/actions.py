"""What can be done to the catalogue, by administrators only. What was ordered before keeps its terms."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypedDict, Unpack

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from lifecycle.audit.actions import record
from lifecycle.catalog.models import Blueprint, Size
from lifecycle.catalog.permissions import CHANGE_CATALOGUE
from lifecycle.errors import InvalidMany
from lifecycle.estate.models import Image, Pool
from lifecycle.people.models import User
from lifecycle.people.permissions import require


class SizeFields(TypedDict, total=False):
    name: str
    vcpus: int
    memory_mib: int
    disk_mib: int


class BlueprintFields(TypedDict, total=False):
    name: str
    summary: str
    icon: str
    image: Image
    pool: Pool
    cloud_init: bool
    approval: str
    offered: bool
    position: int
    default_days: int
    max_days: int
    grace_days: int
    restore_days: int
    warn_days: list[int]


def create_size(*, by: User, **fields: Unpack[SizeFields]) -> Size:
    """Adds a size; it is offered with a blueprint that lists it."""
    require(by, CHANGE_CATALOGUE)
    size = Size(**fields)
    _check(size)
    with transaction.atomic():
        size.save()
        record("size.added", size, by=by, **_shown(fields))
    return size


def change_size(size: Size, *, by: User, **changes: Unpack[SizeFields]) -> Size:
    """Changes what is ordered from now on; machines and requests that are there keep what they got."""
    require(by, CHANGE_CATALOGUE)
    with transaction.atomic():
        size = Size.objects.select_for_update().get(pk=size.pk)
        if changed := _set(size, changes):
            _check(size)
            size.save(update_fields=changed)
            record("size.changed", size, by=by, changed=changed, **_shown(changes))
    return size


def create_blueprint(*, sizes: Collection[Size], by: User, **fields: Unpack[BlueprintFields]) -> Blueprint:
    """Offers an image in a pool, in these sizes and on these terms."""
    require(by, CHANGE_CATALOGUE)
    blueprint = Blueprint(**fields)
    _check_blueprint(blueprint, sizes)
    with transaction.atomic():
        blueprint.save()
        blueprint.sizes.set(sizes)
        record("blueprint.added", blueprint, by=by, sizes=[size.name for size in sizes], **_shown(fields))
    return blueprint


def change_blueprint(
    blueprint: Blueprint, *, by: User, sizes: Collection[Size] | None = None, **changes: Unpack[BlueprintFields]
) -> Blueprint:
    """Changes what is ordered from now on; `offered=False` retires it. Leases that run keep their terms."""
    require(by, CHANGE_CATALOGUE)
    with transaction.atomic():
        blueprint = Blueprint.objects.select_for_update().get(pk=blueprint.pk)
        before = set(blueprint.sizes.all())
        wanted = before if sizes is None else set(sizes)
        changed = _set(blueprint, changes)
        if not changed and wanted == before:
            return blueprint
        _check_blueprint(blueprint, wanted)
        if changed:
            blueprint.save(update_fields=changed)
        if wanted != before:
            blueprint.sizes.set(wanted)
            changed = [*changed, "sizes"]
        names = sorted(size.name for size in wanted)
        record("blueprint.changed", blueprint, by=by, changed=changed, sizes=names, **_shown(changes))
    return blueprint


def _set(entry: Size | Blueprint, changes: Any) -> list[str]:
    """Sets what is new; returns its names."""
    changed = sorted(name for name, value in changes.items() if getattr(entry, name) != value)
    for name in changed:
        setattr(entry, name, changes[name])
    return changed


def _check_blueprint(blueprint: Blueprint, sizes: Collection[Size]) -> None:
    """Column rules, and what no column can say."""
    problems = {} if sizes else {"sizes": _("Choose at least one size.")}
    image, pool = getattr(blueprint, "image", None), getattr(blueprint, "pool", None)
    if image and pool and image.endpoint_id != pool.endpoint_id:
        problems["pool"] = _("The pool stands on another endpoint than the image.")
    small = [size.name for size in sizes if image and size.disk_mib < image.disk_mib]
    if small:
        problems.setdefault(
            "sizes", _("The image does not fit on the disk of %(sizes)s.") % {"sizes": ", ".join(sorted(small))}
        )
    _check(blueprint, problems)


def _check(entry: Size | Blueprint, problems: dict[str, str] | None = None) -> None:
    """Raises InvalidMany with everything that is wrong at once."""
    found = dict(problems or {})
    try:
        entry.full_clean()
    except ValidationError as error:
        found |= {name if name != "__all__" else "": " ".join(words) for name, words in error.message_dict.items()}
    if found:
        raise InvalidMany(found)


def _shown(fields: Any) -> dict[str, Any]:
    """What the record keeps: plain values, and the names of rows."""
    plain = (str, int, bool, list)
    return {name: value if isinstance(value, plain) else str(value) for name, value in fields.items()}
