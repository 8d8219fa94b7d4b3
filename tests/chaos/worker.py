"""A provisioning worker as any other, that keeps a journal of its claims and dies where the plan says.

    python -m tests.chaos.worker worker -Q provisioning -c 1

CHAOS_DIR names the folder of plan and journal, CHAOS_PLANT a bug to be planted, CHAOS_CLAIM the seconds of a claim.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path


def main(arguments: list[str]) -> None:
    import django

    django.setup()
    from celery.__main__ import main as celery

    from lifecycle.operations import claims
    from tests.chaos import points
    from tests.chaos.journal import Journal
    from tests.chaos.plants import PLANTS

    folder = Path(os.environ["CHAOS_DIR"])
    plan = points.Plan(folder)
    if seconds := os.environ.get("CHAOS_CLAIM"):
        claims.CLAIM, claims.RENEW = timedelta(seconds=float(seconds)), float(seconds) / 4
    if plant := os.environ.get("CHAOS_PLANT"):
        PLANTS[plant](plan)
    Journal(folder / "journal").keep()
    points.arm(plan)
    sys.argv = ["celery", "-A", "portal.celery", *arguments]
    celery()


if __name__ == "__main__":
    main(sys.argv[1:])
