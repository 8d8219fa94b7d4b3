"""How the engine does, as the operations page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import cached_property

from lifecycle.estate.models import Machine
from lifecycle.operations import health, queries
from lifecycle.operations.health import EndpointHealth, Sign
from portal.web import realtime
from portal.web.endpointstate import EndpointState, state_of

MOST_NAMED = 5


@dataclass(frozen=True)
class Row:
    health: EndpointHealth
    state: EndpointState

    @property
    def answers(self) -> bool:
        return self.health.endpoint.failing_since is None

    @property
    def rests_until(self) -> datetime | None:
        return realtime.shown(self.health.endpoint.rests_until) if self.health.rests else None


@dataclass(frozen=True)
class Seen:
    sign: Sign

    @property
    def at(self) -> datetime | None:
        return realtime.shown(self.sign.at)

    @property
    def off(self) -> str:
        """Seconds, as short as they are true."""
        return f"{abs(self.sign.ahead):.1f}"

    @property
    def is_ahead(self) -> bool:
        return self.sign.ahead > 0


class EngineHealth:
    """Four questions to the database, however many endpoints and workers there are."""

    @cached_property
    def endpoints(self) -> list[Row]:
        return [Row(each, state_of(each.endpoint)) for each in health.endpoints()]

    @cached_property
    def seen(self) -> list[Seen]:
        return [Seen(sign) for sign in health.signs()]

    @cached_property
    def abandoned(self) -> list[Machine]:
        """Some of them, if there are any."""
        return list(queries.abandoned()[:MOST_NAMED])

    @property
    def answering(self) -> int:
        return sum(row.answers for row in self.endpoints)

    @property
    def running(self) -> int:
        return sum(row.health.running for row in self.endpoints)

    @property
    def waiting(self) -> int:
        return sum(row.health.waiting for row in self.endpoints)

    @property
    def workers(self) -> int:
        """Those that live and whose clocks agree."""
        return sum(each.sign.is_worker and each.sign.alive and each.sign.fits for each in self.seen)

    @property
    def sweeps(self) -> bool:
        return any(not each.sign.is_worker and each.sign.alive for each in self.seen)
