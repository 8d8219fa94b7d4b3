"""Sessions: who is signed in where, so that a person can see it and end it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet

from lifecycle import clock
from lifecycle.audit.actions import Actor, record
from lifecycle.people.models import SignIn, User
from lifecycle.people.permissions import CUT_OFF, require

SEEN_EVERY = timedelta(minutes=1)


def begin(person: User, *, session_key: str, address: str | None, agent: str) -> SignIn:
    """Somebody signed in. What their ended sessions left is cleared away."""
    with transaction.atomic():
        person.sign_ins.exclude(session_key__in=_open()).delete()
        now = clock.now()
        agent = "".join(letter for letter in agent if letter.isprintable())[:200]
        return SignIn.objects.create(
            person=person, session_key=session_key, at=now, seen_at=now, address=address, agent=agent
        )


def seen(sign_in_id: int) -> None:
    """At most once a minute; the row says whether that is over."""
    now = clock.now()
    SignIn.objects.filter(pk=sign_in_id, seen_at__lte=now - SEEN_EVERY).update(seen_at=now)


def rename(old_key: str, new_key: str) -> None:
    """The same session goes on under another key."""
    SignIn.objects.filter(session_key=old_key).update(session_key=new_key)


def of(person: User) -> QuerySet[SignIn]:
    """Where they are signed in, last seen first."""
    return person.sign_ins.filter(session_key__in=_open()).order_by("-seen_at", "-id")


def end(sign_in: SignIn, *, by: Actor) -> None:
    """The browser there is signed out with its next click. Twice is once."""
    require(by, CUT_OFF, sign_in.person)
    with transaction.atomic():
        if _ended([sign_in.session_key]):
            record("person.signed_out", sign_in.person, by=by, sessions=1)


def end_others(person: User, *, keep: str, by: Actor) -> int:
    """Ends all sessions of a person but the one in hand; `keep=""` ends all. Says how many there were."""
    require(by, CUT_OFF, person)
    with transaction.atomic():
        keys = list(person.sign_ins.exclude(session_key=keep).values_list("session_key", flat=True))
        count = _ended(keys)
        if count:
            record("person.signed_out", person, by=by, sessions=count)
    return count


def sweep() -> None:
    """Forgets sessions whose time is over."""
    Session.objects.filter(expire_date__lt=_real_now()).delete()
    SignIn.objects.exclude(session_key__in=_open()).delete()


def ended(session_key: str) -> None:
    """Somebody signed out here, of their own accord."""
    SignIn.objects.filter(session_key=session_key).delete()


def _ended(keys: list[str]) -> int:
    """How many of them were still open."""
    count = Session.objects.filter(session_key__in=keys, expire_date__gt=_real_now()).count()
    Session.objects.filter(session_key__in=keys).delete()
    SignIn.objects.filter(session_key__in=keys).delete()
    return count


def _open() -> QuerySet[Session, str]:
    return Session.objects.filter(expire_date__gt=_real_now()).values_list("session_key", flat=True)


def _real_now() -> datetime:
    """Django's sessions know nothing of a demo's shifted clock."""
    return datetime.now(UTC)
