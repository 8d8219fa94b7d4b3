"""A data centre and the endpoint that looks at it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hypervisors.simulated.datacentre import DataCentre
from lifecycle.estate import connections
from lifecycle.estate.models import Endpoint
from tests.lifecycle.factories import make_endpoint


@pytest.fixture
def simulated_dir(tmp_path: Path, settings) -> Path:
    settings.SIMULATED_DIR = tmp_path
    return tmp_path


@pytest.fixture
def centre(simulated_dir: Path) -> Iterator[DataCentre]:
    """One pool, host, datastore, network and image; everything it does is instant."""
    centre = DataCentre(simulated_dir / "north.dc.sqlite3")
    centre.set_durations(0)
    store = centre.add_datastore("store", capacity_mib=10_000_000)
    pool = centre.add_pool("rack", datastore_ref=store, network_ref=centre.add_network("lan"))
    centre.add_host("host", pool_ref=pool)
    centre.add_image("debian", disk_mib=2048, datastore_ref=store)
    yield centre
    connections.close_all()
    centre.close()


@pytest.fixture
def endpoint(centre: DataCentre, db: None) -> Endpoint:
    return make_endpoint("North", path=centre.path, scans=0)


@pytest.fixture
def everything(settings) -> None:
    """Each look reads everything, as at endpoints that cannot tell what changed."""
    settings.FULL_SCAN_EVERY_MINUTES = 0


@pytest.fixture(params=[0, 60], ids=["everything", "changes"])
def either_way(request, settings) -> None:
    """What holds whether looks read everything, or what changed after the first."""
    settings.FULL_SCAN_EVERY_MINUTES = request.param
