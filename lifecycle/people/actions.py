"""What can be done about people, and what they may do for others."""

from __future__ import annotations

from typing import Any, TypedDict, Unpack

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.audit.actions import Actor, record
from lifecycle.errors import InvalidMany
from lifecycle.people.lines import way_up
from lifecycle.people.models import CostCentre, Team, User
from lifecycle.people.permissions import CHOOSE_SUPERVISOR, MANAGE_PEOPLE, require, runs_the_house
from lifecycle.people.queries import other_admins


class PersonFields(TypedDict, total=False):
    first_name: str
    last_name: str
    email: str
    role: str
    team: Team | None
    cost_centre: CostCentre | None
    supervisor: User | None
    zone: str


LAST_ADMIN = lazy("Nobody else could run the house. Make somebody an administrator first.")


def may_hold_for(user: User, team: Team) -> bool:
    """A machine of a team is asked for by its members, or by an administrator."""
    return runs_the_house(user) or user.team_id == team.pk


def set_supervisor(person: User, supervisor: User | None, *, by: User) -> User:
    """Who decides on this person's requests from now on. Steps already waiting stay where they are."""
    require(by, CHOOSE_SUPERVISOR, person)
    return change_person(person, by=by, supervisor=supervisor)


@transaction.atomic
def add_person(
    username: str,
    *,
    name: str = "",
    by: Actor,
    password: str | None = None,
    **fields: Unpack[PersonFields],
) -> User:
    """Adds somebody who may sign in; without a password they cannot yet. Raises InvalidMany, a sentence per field.

    A full `name` is divided at its first blank, where first and last name are not told apart.
    """
    require(by, MANAGE_PEOPLE)
    first, _space, last = name.strip().partition(" ")
    given = {"first_name": first, "last_name": last} | {key: value for key, value in fields.items() if value != ""}
    person = User(username=username, **given)
    person.set_password(password)
    problems = problems_of(person)
    if password is not None:
        problems |= _password_problems(person, password)
    if problems:
        raise InvalidMany(problems)
    person.save()
    record("person.added", person, by=by, **shown(fields) | {"role": person.role})
    return person


@transaction.atomic
def change_person(person: User, *, by: Actor, **changes: Unpack[PersonFields]) -> User:
    """Changes what is given. Raises InvalidMany, a sentence per field; Forbidden for one's own supervisor."""
    require(by, MANAGE_PEOPLE)
    related = ("supervisor", "team", "cost_centre")
    person = User.objects.select_for_update(of=("self",)).select_related(*related).get(pk=person.pk)
    before = {name: getattr(person, name) for name in sorted(changes)}
    changed = [name for name, value in before.items() if value != changes[name]]  # type: ignore[literal-required]
    if not changed:
        return person
    if "supervisor" in changed:
        require(by, CHOOSE_SUPERVISOR, person)
    was_admin = person.is_admin
    for name in changed:
        setattr(person, name, changes[name])  # type: ignore[literal-required]
    problems = problems_of(person, only=changed)
    if "supervisor" in changed:
        problems |= _circle(person)
    if was_admin and not person.is_admin and not other_admins(person):
        problems["role"] = str(LAST_ADMIN)
    if problems:
        raise InvalidMany(problems)
    person.save(update_fields=changed)
    _record_change(person, changed, before, by=by)
    return person


@transaction.atomic
def set_password(person: User, password: str, *, by: Actor) -> User:
    """A temporary one, which whoever gets it changes. Sessions that run with the old one end."""
    require(by, MANAGE_PEOPLE)
    person = User.objects.select_for_update().get(pk=person.pk)
    if problems := _password_problems(person, password):
        raise InvalidMany(problems)
    person.set_password(password)
    person.save(update_fields=["password"])
    record("person.password_set", person, by=by)
    return person


def problems_of(row: User | Team | CostCentre, *, only: list[str] | None = None) -> dict[str, str]:
    """What the columns' own rules say against a row; `only` of these columns, so that old gaps block no change."""
    names = {field.name for field in row._meta.fields}
    try:
        row.full_clean(exclude=names - set(only) if only is not None else None)
    except ValidationError as error:
        return {"" if name == "__all__" else name: " ".join(words) for name, words in error.message_dict.items()}
    return {}


def shown(fields: Any) -> dict[str, str]:
    """What the record keeps: plain words, user names of people, codes of cost centres."""
    return {name: plain(value) for name, value in fields.items()}


def plain(value: Any) -> str:
    match value:
        case None:
            return ""
        case User():
            return value.username
        case CostCentre():
            return value.code
    return str(value)


def _record_change(person: User, changed: list[str], before: dict[str, Any], *, by: Actor) -> None:
    """Who decides has an entry of its own: it is looked for most."""
    if "supervisor" in changed:
        words = {"before": plain(before["supervisor"]), "after": plain(person.supervisor)}
        record("person.supervisor_changed", person, by=by, **words)
    if others := [name for name in changed if name != "supervisor"]:
        was = shown({name: before[name] for name in others})
        now = shown({name: getattr(person, name) for name in others})
        record("person.changed", person, by=by, changed=others, before=was, after=now)


def _circle(person: User) -> dict[str, str]:
    if person.supervisor is None or person.pk not in way_up(person.supervisor):
        return {}
    words = {"supervisor": person.supervisor, "person": person}
    if person.supervisor == person:
        return {"supervisor": _("Nobody can be their own supervisor.")}
    return {"supervisor": _("%(supervisor)s stands below %(person)s: that would be a circle.") % words}


def _password_problems(person: User, password: str) -> dict[str, str]:
    try:
        validate_password(password, person)
    except ValidationError as error:
        return {"password": " ".join(error.messages)}
    return {}
