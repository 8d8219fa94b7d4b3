"""Asking whether somebody may do something. Each room has its literal list of verbs; every action asks one of them.

What somebody sees is not asked here: reading begins at `visible_to(user)`, so that all else answers "not found".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lifecycle.audit.actions import Actor, House
from lifecycle.errors import Forbidden
from lifecycle.people.models import User
from lifecycle.people.queries import has_left
from lifecycle.people.roles import Right, has

Words = str | Promise
S_contra = TypeVar("S_contra", contravariant=True)


@dataclass(frozen=True)
class Verb(Generic[S_contra]):
    """Something that can be done. `allows` knows the relation; that only some roles change anything comes before."""

    words: Words
    """What it is, as the page of permissions says it."""
    allows: Callable[[User, S_contra], bool]
    refusal: Words | Callable[[User, S_contra], Words]
    """What is said to those who may not."""
    changes: bool = True


@overload
def may(user: Actor, verb: Verb[None]) -> bool: ...
@overload
def may(user: Actor, verb: Verb[S_contra], subject: S_contra) -> bool: ...
def may(user: Actor, verb: Verb[Any], subject: Any = None) -> bool:
    """The house itself may everything; it acts by its own rules."""
    if isinstance(user, House):
        return True
    return isinstance(user, User) and not _barred(user, verb) and verb.allows(user, subject)


@overload
def require(user: Actor, verb: Verb[None]) -> None: ...
@overload
def require(user: Actor, verb: Verb[S_contra], subject: S_contra) -> None: ...
def require(user: Actor, verb: Verb[Any], subject: Any = None) -> None:
    """Raises Forbidden, with the sentence that says why."""
    if not may(user, verb, subject):
        words = _barred(user, verb) if isinstance(user, User) else ""
        raise Forbidden(str(words or _refusal(user, verb, subject)))


def _refusal(user: Actor, verb: Verb[Any], subject: Any) -> Words:
    return verb.refusal(user, subject) if callable(verb.refusal) else verb.refusal  # type: ignore[arg-type]


def _barred(user: User, verb: Verb[Any]) -> Words:
    """Why this person may do nothing of the kind, whatever it is about."""
    if has_left(user):
        return _("You have left; nothing can be done by you any more.")
    if verb.changes and not has(user, Right.ACT):
        return _("Auditors see everything and change nothing.")
    return ""


def anybody(user: User, subject: object) -> bool:
    return True


def runs_the_house(user: User, subject: object = None) -> bool:
    return has(user, Right.RUN)


def sees_all(user: User, subject: object = None) -> bool:
    return has(user, Right.SEE_ALL)


def _themselves(user: User, person: User) -> bool:
    return user.pk == person.pk


def _themselves_or_the_house(user: User, person: User) -> bool:
    return user.pk == person.pk or runs_the_house(user)


def _not_themselves(user: User, person: User) -> bool:
    return runs_the_house(user) and user.pk != person.pk


def _why_not_supervise(user: User, person: User) -> Words:
    if runs_the_house(user):
        return _("Nobody chooses their own supervisor.")
    return _("Only administrators say who supervises whom.")


LOOK_INTO_HOUSE: Verb[object] = Verb(
    _("read the pages of the house: orphans, endpoints, operations, catalogue, people, audit record"),
    sees_all,
    _("Only administrators and auditors open this page."),
    changes=False,
)
RUN_HOUSE: Verb[object] = Verb(
    _("change the house: its endpoints, operations, catalogue, prices and people"),
    runs_the_house,
    _("Only administrators may do this."),
)
MANAGE_PEOPLE: Verb[object] = Verb(
    _("add and change people, teams and cost centres"),
    runs_the_house,
    _("Only administrators add and change people."),
)
CHOOSE_SUPERVISOR: Verb[User] = Verb(
    _("choose somebody's supervisor"),
    _not_themselves,
    _why_not_supervise,
)
KEEP_ACCOUNT: Verb[User] = Verb(
    _("look after one's own account: password, time zone, new tokens, SSH keys"),
    _themselves,
    _("This is somebody else's account."),
    changes=False,
)
CUT_OFF: Verb[User] = Verb(
    _("end somebody's sessions, revoke somebody's tokens"),
    _themselves_or_the_house,
    _("This is somebody else's account."),
    changes=False,
)
