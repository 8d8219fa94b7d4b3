"""That the estate of the benchmark of findings has something of every kind; how long that takes is not asked here."""

from __future__ import annotations

import pytest
from django.db import connection

from lifecycle.models import Finding
from lifecycle.sprawl.actions import scan
from lifecycle.sprawl.models import Kind
from tests.benchmarks.sprawl_seed import grow


@pytest.mark.skipif(connection.vendor != "postgresql", reason="its rows are made by PostgreSQL")
@pytest.mark.django_db
def test_the_estate_has_something_of_every_kind() -> None:
    grow(0, 500, days=30)

    result = scan()

    found = set(Finding.objects.values_list("kind", flat=True))
    assert set(Kind) - found == {Kind.OWNERLESS, Kind.NO_END, Kind.DISK_FILE} - found
    assert (result.failed, result.opened) == ((), Finding.objects.count())
