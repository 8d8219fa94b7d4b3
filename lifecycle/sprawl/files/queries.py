"""Reading disk files that nothing uses: the list, its sums, and one file as every endpoint sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet, Sum

from lifecycle.estate.models import Datastore, DiskFile, Endpoint
from lifecycle.sprawl.files.proof import Doubt, Proof, Storages, same_file, standing

State = DiskFile.State

STATES: Mapping[str, Q] = {
    "proven": Q(state=State.FOUND, doubt=""),
    "doubtful": Q(state=State.FOUND) & ~Q(doubt=""),
    "waiting": Q(state__in=(State.RETIRED, *DiskFile.UNDER_WAY)),
}
"""What can be asked for by one word, of files that are there."""
ENDED = "ended"
"""Those that are not there any more, or are used again; only such as somebody had renamed."""
KEY = ("-size_mib", "-id")


@dataclass(frozen=True, slots=True)
class Amount:
    files: int = 0
    mib: int = 0


@dataclass(frozen=True, slots=True)
class Sums:
    proven: Amount
    waiting: Amount
    doubtful: Amount
    by_doubt: list[tuple[str, Amount]]
    """Code of the first reason -> of how many it is; the most first."""


@dataclass(frozen=True, slots=True)
class StorageRow:
    datastore: Datastore
    files: int
    doubts: tuple[Doubt, ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """One file as one endpoint sees it."""

    datastore: Datastore
    row: DiskFile | None
    doubts: tuple[Doubt, ...]
    """Of this endpoint and its storage, not of the file."""


def files(
    *, state: str = "", endpoint: Endpoint | None = None, datastore: Datastore | None = None, doubt: str = ""
) -> QuerySet[DiskFile]:
    """What fits, each file once. What is left empty does not narrow it."""
    found = standing()
    if state == ENDED:
        found = DiskFile.objects.filter(gone_at__isnull=False, retired_at__isnull=False)
    elif state:
        found = found.filter(STATES[state])
    if doubt:
        found = found.filter(state=State.FOUND, doubt=doubt)
    if endpoint is not None:
        found = found.filter(datastore__endpoint=endpoint)
    if datastore is not None:
        found = found.filter(datastore=datastore)
    return found


def shown() -> QuerySet[DiskFile]:
    """With all that lists tell of them."""
    return DiskFile.objects.select_related("datastore__endpoint", "decided_by")


def sums(rows: QuerySet[DiskFile]) -> Sums:
    """One query."""
    counted = rows.order_by().values_list("state", "doubt").annotate(files=Count("pk"), mib=Sum("size_mib"))
    proven, waiting, by_doubt = Amount(), Amount(), {}
    for state, doubt, count, mib in counted:
        if state != State.FOUND:
            waiting = Amount(waiting.files + count, waiting.mib + mib)
        elif doubt:
            by_doubt[doubt] = Amount(count, mib)
        else:
            proven = Amount(count, mib)
    doubtful = Amount(sum(each.files for each in by_doubt.values()), sum(each.mib for each in by_doubt.values()))
    return Sums(proven, waiting, doubtful, sorted(by_doubt.items(), key=lambda item: (-item[1].files, item[0])))


def sights(file: DiskFile, now: datetime) -> tuple[list[Sight], tuple[Doubt, ...]]:
    """The file from every endpoint that mounts its storage, and all that speaks against its being an orphan."""
    proof = Proof(now)
    rows = {row.datastore_id: row for row in same_file(file)}
    if file.is_there:
        rows[file.datastore_id] = file
    views = proof.storages.views(file.datastore_id)
    ((_file, doubts),) = proof.doubts([file])
    return [Sight(view.datastore, rows.get(view.datastore.pk), view.doubts) for view in views], doubts


def storage_rows() -> list[StorageRow]:
    """Storage on which unused files lie, or for which a word was given, as each endpoint mounts it."""
    counted = DiskFile.objects.filter(gone_at=None).order_by().values_list("datastore").annotate(Count("pk"))
    lying, known = dict(counted), Storages()
    rows = [row for row in known.datastores if not row.gone and (row.all_known or row.pk in lying)]
    rows.sort(key=lambda row: (row.endpoint.name, row.name, row.pk))
    return [StorageRow(row, lying.get(row.pk, 0), known.doubts(row.pk)) for row in rows]
