"""With whom a machine is shared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.contrib.auth.models import Permission

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
    """What lasts, people first, by name. Two queries where nothing is shared, three more at most where something is."""
    to_people = list(MachineUserPermission.objects.filter(content_object=machine))
    to_groups = list(MachineGroupPermission.objects.filter(content_object=machine))
    grants: list[Grant] = [*to_people, *to_groups]
    if not grants:
        return []
    permissions = Permission.objects.order_by().in_bulk({grant.permission_id for grant in grants})
    named = {grant.granted_by_id for grant in grants} | {grant.user_id for grant in to_people}
    people = User.objects.order_by().in_bulk(named - {None})
    teams = {team.group_id: team for team in _teams_of(to_groups)}
    for grant in grants:
        grant.permission, grant.granted_by = permissions[grant.permission_id], people.get(grant.granted_by_id)
    shares = [Share.of(grant, people[grant.user_id]) for grant in to_people]
    shares += [Share.of(grant, teams[grant.group_id]) for grant in to_groups if grant.group_id in teams]
    return sorted((one for one in shares if not one.ended), key=lambda one: (one.team is not None, str(one.recipient)))


def _teams_of(grants: list[MachineGroupPermission]) -> Iterable[Team]:
    groups = [grant.group_id for grant in grants]
    return Team.objects.filter(group__in=groups).order_by() if groups else ()


def share_named(machine: Machine, key: str) -> Share | None:
    return next((one for one in shares_of(machine) if one.key == key), None)


def grant_of(machine: Machine, recipient: Recipient) -> Grant | None:
    if isinstance(recipient, User):
        to_people = MachineUserPermission.objects.filter(content_object=machine, user=recipient)
        return to_people.select_related(*BESIDE).first()
    to_teams = MachineGroupPermission.objects.filter(content_object=machine, group__team=recipient)
    return to_teams.select_related(*BESIDE).first()
