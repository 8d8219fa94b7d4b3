"""How well an endpoint answers, in words: its health by real time, shown on the portal's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hypervisors import registry
from lifecycle.estate.models import Endpoint
from portal.web import realtime

STALE = timedelta(hours=1)
"""Removals ask for a complete scan within this time, so an older one is worth a warning."""

Words = str | Promise


@dataclass(frozen=True)
class EndpointState:
    """One endpoint as the pages show it."""

    endpoint: Endpoint
    word: Words
    colour: str
    icon: str

    @property
    def scanned_at(self) -> datetime | None:
        return realtime.shown(self.endpoint.scanned_at)

    @property
    def failing_since(self) -> datetime | None:
        return realtime.shown(self.endpoint.failing_since)

    @property
    def kind(self) -> str:
        return registry.LABELS.get(self.endpoint.kind, self.endpoint.kind)


def state_of(endpoint: Endpoint) -> EndpointState:
    if endpoint.failing_since is not None:
        return EndpointState(endpoint, _("Does not answer"), "bad", "circle-x")
    if endpoint.scanned_at is None:
        return EndpointState(endpoint, _("Not scanned yet"), "gone", "circle-dashed")
    if endpoint.scan_error:
        return EndpointState(endpoint, _("Scan had gaps"), "warn", "triangle-alert")
    if datetime.now(UTC) - endpoint.scanned_at > STALE:
        return EndpointState(endpoint, _("Scan is old"), "warn", "clock")
    return EndpointState(endpoint, _("Answers"), "ok", "circle-check")
