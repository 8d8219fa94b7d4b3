"""Asking for a scan before its time."""

from __future__ import annotations

import logging

from celery import current_app
from django.db import transaction

from lifecycle.audit.actions import record
from lifecycle.estate.models import Endpoint
from lifecycle.estate.permissions import MANAGE_ENDPOINTS
from lifecycle.people.models import User
from lifecycle.people.permissions import require

log = logging.getLogger(__name__)

EXPIRES = 60
"""Seconds after which the regular scans have overtaken the wish."""


@transaction.atomic
def ask_scan(endpoint: Endpoint, *, by: User) -> None:
    """Has a worker look at an endpoint as soon as it can; asking twice does no harm."""
    require(by, MANAGE_ENDPOINTS)
    record("endpoint.scan_asked", endpoint, by=by)
    transaction.on_commit(lambda: _send(endpoint.pk))


def _send(pk: int) -> None:
    try:
        current_app.send_task("lifecycle.tasks.sync_endpoint", args=[pk], expires=EXPIRES)
    except Exception:  # whatever the broker raises: the regular scan comes anyway
        log.warning("No worker could be asked to scan endpoint %s; the next regular scan will.", pk, exc_info=True)
