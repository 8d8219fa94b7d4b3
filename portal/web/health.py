"""Whether this installation works, for whatever watches over it."""

from __future__ import annotations

import logging

from django.contrib.auth.decorators import login_not_required
from django.db import Error
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from lifecycle.operations.queries import worker_alive

log = logging.getLogger(__name__)


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when web, database and worker are there; 503 says which part is missing, and nothing else."""
    parts = {"web": True, "database": False, "worker": False}
    try:
        parts["worker"] = worker_alive()
        parts["database"] = True
    except (Error, OSError):
        log.warning("The database did not answer a health check.", exc_info=True)
    words = {name: "ok" if there else "missing" for name, there in parts.items()}
    well = all(parts.values())
    return JsonResponse({"status": "ok" if well else "unavailable", **words}, status=200 if well else 503)
