"""Everything the page of one person shows, gathered once."""

from __future__ import annotations

from django.utils.functional import cached_property

from lifecycle import clock
from lifecycle.audit.queries import history_of
from lifecycle.estate.models import LIVE, Machine
from lifecycle.people.lines import way_up
from lifecycle.people.models import SshKey, User
from lifecycle.people.queries import approver_for, has_left, payer_for
from lifecycle.requests.models import Request
from lifecycle.requests.queries import inbox
from portal.web.auditwords import sentence
from portal.web.histories import OTHERWISE, Told
from portal.web.rows import Row, rows_of

MOST = 50

ICONS = {
    "person.added": "plus",
    "person.changed": "pencil",
    "person.left": "log-out",
    "person.returned": "undo-2",
    "person.locked_out": "lock",
    "person.password_set": "key-round",
}


class PersonPage:
    def __init__(self, person: User, *, viewer: User) -> None:
        self.person = person
        self.viewer = viewer

    @cached_property
    def rows(self) -> list[Row]:
        """What they hold themselves, next date first."""
        held = Machine.objects.visible_to(self.viewer).filter(holder=self.person, stage__in=LIVE)
        related = held.select_related("lease", "request", "holder", "team")
        return rows_of(related.order_by("next_at", "pk")[: MOST + 1], now=clock.now())

    @property
    def has_more(self) -> bool:
        return len(self.rows) > MOST

    @property
    def cents(self) -> int | None:
        """A month of all of them; None where a price is missing."""
        prices = [row.cents for row in self.rows]
        return None if None in prices else sum(cents or 0 for cents in prices)

    @cached_property
    def reports(self) -> list[User]:
        return list(self.person.reports.select_related("team").order_by("username")[: MOST + 1])

    @cached_property
    def ssh_keys(self) -> list[SshKey]:
        return list(self.person.ssh_keys.all())

    @property
    def left(self) -> bool:
        return has_left(self.person)

    @cached_property
    def deciders(self) -> User | None:
        return approver_for(self.person)

    @property
    def payer(self) -> object:
        return payer_for(self.person)

    @cached_property
    def in_circle(self) -> bool:
        """The way up from the supervisor comes back here."""
        above = self.person.supervisor
        return above is not None and self.person.pk in way_up(above)

    @cached_property
    def waiting(self) -> int:
        """Decisions that wait for them."""
        return inbox(self.person).filter(steps__approver=self.person).order_by().count()

    @cached_property
    def asked(self) -> list[Request]:
        return list(
            Request.objects.filter(requester=self.person, state__in=Request.OPEN).order_by("-created_at")[:MOST]
        )

    @cached_property
    def history(self) -> list[Told]:
        entries = history_of(self.person).order_by("-at", "-pk")[:30]
        return [Told(entry, ICONS.get(entry.verb, OTHERWISE), sentence(entry)) for entry in entries]
