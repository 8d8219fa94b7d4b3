"""What can be done about people, and what they may do for others."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from lifecycle.audit.actions import Actor, record
from lifecycle.errors import Invalid, InvalidMany
from lifecycle.people.models import CostCentre, Team, User
from lifecycle.people.permissions import CHOOSE_SUPERVISOR, MANAGE_PEOPLE, require, runs_the_house


def may_hold_for(user: User, team: Team) -> bool:
    """A machine of a team is asked for by its members, or by an administrator."""
    return runs_the_house(user) or user.team_id == team.pk


def set_supervisor(person: User, supervisor: User | None, *, by: User) -> User:
    """Who decides on this person's requests from now on. Steps already waiting stay where they are."""
    require(by, CHOOSE_SUPERVISOR, person)
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


@transaction.atomic
def add_person(
    username: str,
    *,
    name: str,
    email: str,
    by: Actor,
    role: User.Role = User.Role.EMPLOYEE,
    supervisor: User | None = None,
    team: Team | None = None,
    cost_centre: CostCentre | None = None,
    zone: str = "",
    password: str | None = None,
) -> User:
    """Adds somebody who may sign in; without a password they cannot yet. Raises InvalidMany, a sentence per field."""
    require(by, MANAGE_PEOPLE)
    first, _space, last = name.strip().partition(" ")
    person = User(
        username=username,
        first_name=first,
        last_name=last,
        email=email,
        role=role,
        supervisor=supervisor,
        team=team,
        cost_centre=cost_centre,
    )
    if zone:
        person.zone = zone
    person.set_password(password)
    try:
        person.full_clean()
        if password is not None:
            validate_password(password, person)
    except ValidationError as error:
        words = error.message_dict if hasattr(error, "error_dict") else {"password": error.messages}
        raise InvalidMany({field: " ".join(found) for field, found in words.items()}) from error
    person.save()
    record("person.added", person, by=by, role=role)
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
