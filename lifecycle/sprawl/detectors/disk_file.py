"""Disk files that are nobody's, as every endpoint that mounts their storage sees them (`sprawl/files/proof.py`)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from lifecycle.estate.models import DiskFile
from lifecycle.sprawl.detectors import Candidate, evidence, moment
from lifecycle.sprawl.files.proof import CHUNK, Proof, settle, standing


def detect(now: datetime) -> Iterable[Candidate]:
    settle(now)
    proof = Proof(now)
    files = standing().filter(state=DiskFile.State.FOUND, doubt="").select_related("datastore__endpoint").order_by("pk")
    for file, doubts in proof.doubts(files.iterator(chunk_size=CHUNK)):
        if not doubts:
            found = _evidence(file, proof)
            yield Candidate(file.pk, file.unused_since, found, disk_mib=file.size_mib)


def _evidence(file: DiskFile, proof: Proof) -> list[dict[str, str]]:
    views = proof.storages.views(file.datastore_id)
    word = any(view.datastore.shared for view in views)
    return evidence(
        datastore=file.datastore.name,
        file_endpoints=", ".join(view.datastore.endpoint.name for view in views),
        file_looks=str(file.looks),
        file_unused_since=moment(file.unused_since),
        file_changed_at=moment(file.changed_at),
        file_word=file.datastore.name if word else "",
    )
