"""What can be done about people, and what they may do for others."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from lifecycle.audit.actions import record
from lifecycle.errors import Forbidden, Invalid
from lifecycle.people.models import Team, User


def may_hold_for(user: User, team: Team) -> bool:
    """A machine of a team is asked for by its members, or by an administrator."""
    return user.is_admin or user.team_id == team.pk


def set_supervisor(person: User, supervisor: User | None, *, by: User) -> User:
    """Who decides on this person's requests from now on. Steps already waiting stay where they are."""
    if not by.is_admin:
        raise Forbidden(_("Only administrators say who supervises whom."))
    if by.pk == person.pk:
        raise Forbidden(_("Nobody chooses their own supervisor."))
    with transaction.atomic():
        person = User.objects.select_for_update(of=("self",)).select_related("supervisor").get(pk=person.pk)
        before = person.supervisor
        if supervisor is not None:
            _refuse_circle(person, supervisor)
        if before == supervisor:
            return person
        person.supervisor = supervisor
        person.save(update_fields=["supervisor"])
        record(
            "person.supervisor_changed",
            person,
            by=by,
            before=before.username if before else "",
            after=supervisor.username if supervisor else "",
        )
    return person


def _refuse_circle(person: User, supervisor: User) -> None:
    seen: set[int] = set()
    above: User | None = supervisor
    while above is not None and above.pk not in seen:
        if above.pk == person.pk:
            raise Invalid(
                _("%(supervisor)s stands below %(person)s: that would be a circle.")
                % {"supervisor": supervisor, "person": person},
                field="supervisor",
            )
        seen.add(above.pk)
        # Fresh from the database: the objects in hand may be older than the last change.
        above = User.objects.filter(reports=above.pk).first()
