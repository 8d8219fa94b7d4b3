"""Whether this process lives, whether the installation does its work, its figures: for whatever watches over it."""

from __future__ import annotations

import logging
from functools import cache as once

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from lifecycle.operations.queries import sweep_alive, worker_fit
from portal.celery import app
from portal.metrics import exposition

log = logging.getLogger(__name__)

CHECKS = ("database", "migrations", "broker", "sweep", "worker")
TOLD_ONLY = {"broker"}
"""Without it pages answer and orders are taken; that nothing begins is what the sweep's age says soon after."""
ASK_BROKER_EVERY = 5
"""Seconds: whoever asks more often, and anybody may, is told what was found before."""


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while this process answers at all. Asks nobody else: what a restart of it would not mend is not its fault."""
    return JsonResponse({"status": "ok"})


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the installation does its work; 503 says which part does not, and nothing else about it."""
    found = _checks()
    well = all(found[name] for name in CHECKS if name not in TOLD_ONLY)
    words = {name: "ok" if found[name] else "not ok" for name in CHECKS}
    answer = {"status": "ok" if well else "unavailable", **words}
    return JsonResponse(answer, status=200 if well else 503, json_dumps_params={"indent": 0})


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus, which shows METRICS_TOKEN. Where none is set there is no such page."""
    if not settings.METRICS_TOKEN:
        raise Http404
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(token, settings.METRICS_TOKEN):
        return HttpResponse(status=401, headers={"WWW-Authenticate": 'Bearer realm="metrics"'})
    try:
        return HttpResponse(exposition(), content_type=CONTENT_TYPE_PLAIN_0_0_4)
    except (Error, OSError):
        log.warning("The database did not tell its figures.", exc_info=True)
        return HttpResponse(status=503)


def _checks() -> dict[str, bool]:
    """What cannot be asked is not ok. A database that is away is waited for once."""
    found = dict.fromkeys(CHECKS, False)
    found["broker"] = bool(cache.get_or_set("broker-answers", broker_answers, ASK_BROKER_EVERY))
    try:
        applied = MigrationRecorder(connection).applied_migrations()
        found["database"] = True
        found["migrations"] = migrations_here() <= applied.keys()
        if found["migrations"]:
            found["sweep"], found["worker"] = sweep_alive(), worker_fit()
    except (Error, OSError):
        log.warning("The database did not answer a health check.", exc_info=True)
    return found


def broker_answers() -> bool:
    """Waits for it no longer than a page would that wants to wake a worker."""
    try:
        with app.connection_for_write() as opened:
            return opened.default_channel is not None
    except Exception:  # each transport has errors of its own
        log.warning("The broker did not answer a health check.", exc_info=True)
        return False


@once
def migrations_here() -> frozenset[tuple[str, str]]:
    """The newest migration of each app as this process knows it. A database may be ahead while a release rolls out."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())
