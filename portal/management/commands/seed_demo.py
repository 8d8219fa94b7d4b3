"""Fills the demo's example estate; does nothing when it is there."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from hypervisors.simulated import populate
from hypervisors.simulated.datacentre import DataCentre
from lifecycle import clock
from lifecycle.clock import billing_zone
from lifecycle.estate.sync import sync
from lifecycle.models import Endpoint, User
from lifecycle.money.actions import draft
from lifecycle.sprawl.actions import scan
from lifecycle.sprawl.models import Threshold
from portal.seeding import catalogue, leases, past, people, requests


class Command(BaseCommand):
    help = "Fills the example estate of the demo: people, machines with history, orphans, requests."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--machines", type=int, default=300)

    def handle(self, *args: Any, machines: int, **options: Any) -> None:
        if settings.MODE == "production":
            raise CommandError("The example estate is not for production.")
        if User.objects.exists():
            self.stdout.write("The example estate is there already.")
            return
        now = clock.now()
        settings.SIMULATED_DIR.mkdir(parents=True, exist_ok=True)
        path = settings.SIMULATED_DIR / "nordhafen.dc.sqlite3"
        # Left by a start that was interrupted: an estate without its register is of no use.
        for part in path.parent.glob(f"{path.name}*"):
            part.unlink()
        dc = DataCentre(path)
        residents = populate.fill(dc, machines=machines, now=now)
        staff = people.fill(_password())
        endpoint = Endpoint.objects.create(
            name="Hamburg", kind="simulated", path=str(path), mode=Endpoint.Mode.MANAGE, blast_count=5
        )
        sync(endpoint)
        long_ago = (now.astimezone(billing_zone()) - timedelta(days=400)).date()
        catalogue.fill(endpoint, prices_from=long_ago.replace(month=1, day=1))
        leases.fill(residents, staff, now=now, dc=dc)
        requests.fill(staff)
        draft()
        # A demo is looked at now, not after three scans.
        Threshold.objects.create(name="orphan_scans", value=1)
        past.fill(endpoint, dc, now=now)
        scan()
        past.trend(endpoint, now=now)
        self.stdout.write(f"The example estate is there: {len(residents)} machines, {len(staff)} people.")


def _password() -> str:
    """The one that the start made for this installation, or one that nobody knows."""
    file = Path(settings.DATA_DIR) / "password"
    return file.read_text().strip() if file.exists() else secrets.token_hex(12)
