"""With whom a machine is shared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from lifecycle import clock
from lifecycle.estate.models import Level, Machine, MachineGroupPermission, MachineUserPermission
from lifecycle.people.models import Team, User

Grant = MachineUserPermission | MachineGroupPermission
Recipient = User | Team
BESIDE = ("permission", "granted_by")


@dataclass(frozen=True)
class Share:
    """One grant, whoever it is to."""

    recipient: Recipient
    level: Level
    until: date | None
    granted_at: datetime | None
    granted_by: User | None

    @classmethod
    def of(cls, grant: Grant, recipient: Recipient) -> Share:
        level = Level(grant.permission.codename)
        return cls(recipient, level, grant.until, grant.granted_at, grant.granted_by)

    @property
    def person(self) -> User | None:
        return self.recipient if isinstance(self.recipient, User) else None

    @property
    def team(self) -> Team | None:
        return self.recipient if isinstance(self.recipient, Team) else None

    @property
    def key(self) -> str:
        """Names it in addresses: a machine is shared with somebody once."""
        return f"{'person' if self.person else 'team'}-{self.recipient.pk}"

    @property
    def ended(self) -> bool:
        """The last day is over, for a team wherever its people are."""
        now = clock.now()
        today = now.astimezone(self.person.tz).date() if self.person else (now - timedelta(hours=12)).date()
        return self.until is not None and self.until < today


def shares_of(machine: Machine) -> list[Share]:
    """What lasts, people first, by name. Two queries."""
    to_people = MachineUserPermission.objects.filter(content_object=machine).select_related("user", *BESIDE)
    to_teams = MachineGroupPermission.objects.filter(content_object=machine, group__team__isnull=False)
    shares = [Share.of(grant, grant.user) for grant in to_people]
    shares += [Share.of(grant, grant.group.team) for grant in to_teams.select_related("group__team", *BESIDE)]
    return sorted((one for one in shares if not one.ended), key=lambda one: (one.team is not None, str(one.recipient)))


def share_named(machine: Machine, key: str) -> Share | None:
    return next((one for one in shares_of(machine) if one.key == key), None)


def grant_of(machine: Machine, recipient: Recipient) -> Grant | None:
    if isinstance(recipient, User):
        to_people = MachineUserPermission.objects.filter(content_object=machine, user=recipient)
        return to_people.select_related(*BESIDE).first()
    to_teams = MachineGroupPermission.objects.filter(content_object=machine, group__team=recipient)
    return to_teams.select_related(*BESIDE).first()
