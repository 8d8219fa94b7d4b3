"""The company of the chaos: people, a catalogue and one endpoint, in a fresh database. Its programs are not running.

`python -m tests.chaos.stage` fills the database that the environment names and prints what clients have to know.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

GIB = 1024
PEOPLE = ("lena", "piotr", "mara")
SUPERVISOR, ADMIN = "tomasz", "ingrid"
DURATIONS = {"clone": 1.5, "power_on": 0.3, "power_off": 0.2, "shutdown": 0.5, "restart": 0.3, "remove": 0.4}
FILE = "chaos.dc.sqlite3"
PARALLEL = 8


def data_centre(path: Path) -> None:
    """A small one; work takes as long there as on a fast host."""
    from hypervisors.simulated.datacentre import DataCentre

    dc = DataCentre(path)
    store = dc.add_datastore("ssd-1", capacity_mib=100_000 * GIB)
    pool = dc.add_pool("General", datastore_ref=store, network_ref=dc.add_network("internal"))
    dc.add_host("host-1", pool_ref=pool)
    dc.add_image("Debian 12", disk_mib=8 * GIB, datastore_ref=store)
    for kind, seconds in DURATIONS.items():
        dc.set(f"duration.{kind}", seconds)
    dc.close()


def people() -> dict[str, str]:
    """Name -> a token with which to act."""
    from lifecycle.models import User
    from tests.lifecycle import factories

    centre = factories.make_cost_centre("4120", name="Data Platform")
    team = factories.make_team("Data Platform", cost_centre=centre)
    supervisor = factories.make_user(SUPERVISOR, team=team, cost_centre=centre, email="tomasz@example.org")
    centre.owner = supervisor
    centre.save()
    for name in PEOPLE:
        factories.make_user(name, team=team, cost_centre=centre, supervisor=supervisor, email=f"{name}@example.org")
    factories.make_admin(ADMIN, email="ingrid@example.org")
    return {person.username: factories.make_token(person)[1] for person in User.objects.select_related("team")}


def catalogue(name: str, image: str, size: tuple[int, int], **endpoint: Any) -> dict[str, int]:
    """What can be ordered on an endpoint, by number: `asked` needs a decision, `free` none."""
    from lifecycle.estate.sync import sync
    from lifecycle.models import Blueprint, Endpoint, Image, Pool, Size

    row = Endpoint.objects.create(
        name=name, mode=Endpoint.Mode.MANAGE, parallel=PARALLEL, blast_count=1000, blast_percent=100, **endpoint
    )
    assert sync(row), "The endpoint does not answer."
    memory, disk = size
    fits = Size.objects.create(name=f"Small on {name}", vcpus=1, memory_mib=memory, disk_mib=disk)
    numbers = {"size": fits.pk, "endpoint": row.pk}
    for word, approval in (("asked", Blueprint.Approval.SUPERVISOR), ("free", Blueprint.Approval.NONE)):
        blueprint = Blueprint.objects.create(
            name=f"{word} on {name}", image=Image.objects.get(endpoint=row, name=image),
            pool=Pool.objects.filter(endpoint=row)[0], approval=approval,
            default_days=30, max_days=90, grace_days=7,
        )  # fmt: skip
        blueprint.sizes.set([fits])
        numbers[word] = blueprint.pk
    return numbers


def simulated() -> dict[str, Any]:
    """A fresh database with all of it."""
    from django.conf import settings
    from django.core.management import call_command

    from tests.lifecycle.factories import make_rate_card

    call_command("migrate", verbosity=0)
    settings.SIMULATED_DIR.mkdir(parents=True, exist_ok=True)
    data_centre(settings.SIMULATED_DIR / FILE)
    make_rate_card()
    tokens = people()
    return {"tokens": tokens, **catalogue("Hamburg", "Debian 12", (GIB, 10 * GIB), kind="simulated", path=FILE)}


def main(arguments: list[str]) -> int:
    import django

    django.setup()
    # With a libvirt's socket: one more endpoint, and what can be ordered there.
    kvm = [catalogue("Rack 4", "polite", (64, 128), kind="kvm", transport="unix", path=path) for path in arguments]
    print(json.dumps(kvm[0] if kvm else simulated()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
