"""Tokens: keys by which a program acts for a person, until a day at most a year away."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256

from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.audit.actions import Actor, record
from lifecycle.errors import Conflict, Invalid
from lifecycle.people.models import Token, User
from lifecycle.people.permissions import CUT_OFF, KEEP_ACCOUNT, require
from lifecycle.people.queries import has_left

PREFIX = "lh_"
"""By which people, and programs that look for lost secrets, know what it is."""
LONGEST, USUAL = timedelta(days=365), timedelta(days=90)
MOST = 20
"""Tokens of one person that work at the same time."""
USED_EVERY = timedelta(minutes=1)
SAFE = ("GET", "HEAD", "OPTIONS")


def make(person: User, *, name: str, scope: Token.Scope, last_day: date, by: User) -> tuple[Token, str]:
    """The token's row, and the token itself: shown now and never again."""
    require(by, KEEP_ACCOUNT, person)
    name, now = name.strip(), clock.now()
    _check_name(name)
    plain = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        # Locked, so that two at once do not go beyond the limit or share a name.
        User.objects.select_for_update(of=("self",)).get(pk=person.pk)
        live = person.tokens.filter(revoked_at=None)
        live.filter(expires_at__lte=now).update(revoked_at=F("expires_at"))
        if live.filter(name=name).exists():
            raise Invalid(_("You have a token of this name."), field="name")
        if live.count() >= MOST:
            raise Conflict(_("You have %(most)s tokens. Revoke one that is not needed.") % {"most": MOST})
        token = Token.objects.create(
            person=person,
            name=name,
            digest=_digest(plain),
            hint=plain[:8],
            scope=scope,
            made_at=now,
            expires_at=_end_of(last_day, person, now),
        )
        expires = token.expires_at.isoformat()
        record("token.made", token, by=by, person=str(person), scope=str(scope), expires_at=expires)
    return token, plain


def revoke(token: Token, *, by: Actor) -> Token:
    """It works no more, from this moment. Whoever is second is told so."""
    require(by, CUT_OFF, token.person)
    with transaction.atomic():
        if not Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=clock.now()):
            raise Conflict(_("This token was revoked already."))
        record("token.revoked", token, by=by, person=str(token.person))
    token.refresh_from_db()
    return token


def revoke_all(person: User, *, by: Actor) -> int:
    """For somebody who leaves, or whose tokens may be in wrong hands. Twice is once."""
    require(by, CUT_OFF, person)
    with transaction.atomic():
        tokens = list(person.tokens.select_for_update().filter(revoked_at=None))
        for token in tokens:
            revoke(token, by=by)
    return len(tokens)


def known(plain: str) -> Token | None:
    """The token with its person; None where it is not known, expired or revoked, or its person has left."""
    token = Token.objects.select_related("person").filter(digest=_digest(plain), revoked_at=None).first()
    if token is None or has_left(token.person):
        return None
    now = clock.now()
    if token.expires_at <= now:
        return None
    if token.used_at is None or token.used_at <= now - USED_EVERY:
        stale = Q(used_at=None) | Q(used_at__lte=now - USED_EVERY)
        Token.objects.filter(stale, pk=token.pk).update(used_at=now)
    return token


def person_of(plain: str) -> User | None:
    token = known(plain)
    return token.person if token else None


def allows(token: Token, method: str) -> bool:
    """Reading tokens ask; whatever may change something needs one that may act."""
    return token.scope == Token.Scope.ACT or method in SAFE


def _check_name(name: str) -> None:
    longest = Token._meta.get_field("name").max_length or 0
    if not name:
        raise Invalid(_("Say which program will use it."), field="name")
    if len(name) > longest:
        raise Invalid(_("At most %(longest)s characters.") % {"longest": longest}, field="name")
    if not name.isprintable():
        raise Invalid(_("The name has characters that cannot be shown."), field="name")


def _end_of(day: date, person: User, now: datetime) -> datetime:
    """The midnight that ends it where the person is."""
    today = now.astimezone(person.tz).date()
    if day < today:
        raise Invalid(_("In the past. Choose today or later."), field="last_day")
    if day > today + LONGEST:
        raise Invalid(_("More than a year away. A token can be made anew."), field="last_day")
    return datetime.combine(day + timedelta(days=1), time.min, person.tz).astimezone(UTC)


def _digest(plain: str) -> str:
    return sha256(plain.encode(errors="surrogateescape")).hexdigest()
