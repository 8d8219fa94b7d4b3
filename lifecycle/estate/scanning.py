"""Asking for a scan before its time, and for one to end."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from celery import current_app
from django.db import transaction
from django.utils.translation import gettext as _

from lifecycle.audit.actions import record
from lifecycle.errors import Conflict
from lifecycle.estate.connections import can
from lifecycle.estate.models import Endpoint, Scan
from lifecycle.estate.permissions import MANAGE_ENDPOINTS
from lifecycle.people.models import User
from lifecycle.people.permissions import require

log = logging.getLogger(__name__)

EXPIRES = 60
"""Seconds after which the regular scans have overtaken the wish."""


@transaction.atomic
def ask_scan(endpoint: Endpoint, *, by: User) -> None:
    """Has a worker look at everything on an endpoint as soon as it can; asking twice does no harm."""
    require(by, MANAGE_ENDPOINTS)
    record("endpoint.scan_asked", endpoint, by=by)
    transaction.on_commit(lambda: _send("sync_endpoint", endpoint.pk, by.pk))


@transaction.atomic
def ask_files(endpoint: Endpoint, *, by: User) -> None:
    """Has a worker look through the disk files of an endpoint; asking twice does no harm. Raises Conflict where
    endpoints of its kind tell nothing of them."""
    require(by, MANAGE_ENDPOINTS)
    if not can(endpoint, "disk_files"):
        raise Conflict(_("%(endpoint)s does not tell of disk files.") % {"endpoint": endpoint})
    record("endpoint.files_asked", endpoint, by=by)
    transaction.on_commit(lambda: _send("look_at_endpoint_files", endpoint.pk))


@transaction.atomic
def ask_stop(endpoint: Endpoint, *, by: User) -> Scan:
    """Has the look that is under way end after what it writes just now; the next one goes on. Raises Conflict."""
    require(by, MANAGE_ENDPOINTS)
    running = Scan.objects.filter(endpoint=endpoint, state=Scan.State.RUNNING).order_by("-pk").first()
    if running is None:
        raise Conflict(_("No look at %(endpoint)s is under way.") % {"endpoint": endpoint})
    if Scan.objects.filter(pk=running.pk, stop_asked_at=None).update(stop_asked_at=datetime.now(UTC)):
        record("endpoint.scan_stop_asked", endpoint, by=by)
    return running


def _send(task: str, pk: int, *more: int) -> None:
    try:
        current_app.send_task(f"lifecycle.tasks.{task}", args=[pk, *more], expires=EXPIRES)
    except Exception:  # whatever the broker raises: the regular scan comes anyway
        log.warning("No worker could be asked to look at endpoint %s; the next regular look will.", pk, exc_info=True)
