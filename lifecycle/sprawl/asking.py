"""Asking for a look at whose machines might be, before its time."""

from __future__ import annotations

import logging

from celery import current_app
from django.db import transaction

log = logging.getLogger(__name__)

EXPIRES = 60
"""Seconds after which the regular look has overtaken the wish."""


def ask_attribution() -> None:
    """Once what was just written stands. A worker that does not hear it looks again by itself."""
    transaction.on_commit(_send)


def _send() -> None:
    try:
        current_app.send_task("lifecycle.tasks.attribute_machines", expires=EXPIRES)
    except Exception:  # whatever the broker raises: the regular look comes anyway
        log.warning("No worker could be asked whose machines might be; the next regular look will.", exc_info=True)
