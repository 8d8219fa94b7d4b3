"""Claiming a key before the work, keeping the answer after it. Refusals keep nothing: they changed nothing."""

from __future__ import annotations

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from lifecycle.errors import Conflict, Invalid
from lifecycle.people.models import User
from lifecycle.replies.models import Reply

KEPT = timedelta(hours=24)
ABANDONED = timedelta(minutes=5)
"""Longer than any request lives: whoever claimed the key died. What it had done by then stands in the house's rules."""


class UnderWay(Conflict):
    """The first request with this key is still at work."""

    code = "under_way"


class KeyReused(Invalid):
    """The key stands for something else already."""

    code = "key_reused"


def claim(key: str, digest: str, *, by: User) -> Reply:
    """The key is ours (`status` is None), or the reply that was given before. Of two at once, one has the key.

    Raises UnderWay while another works, and KeyReused where the key was used for something else.
    """
    for _again in range(3):
        try:
            with transaction.atomic():
                return Reply.objects.create(person=by, key=key, digest=digest, claimed_at=timezone.now())
        except IntegrityError:
            found = Reply.objects.filter(person=by, key=key).first()
        if found is not None and (taken := _taken_over(found, digest)):
            return taken
    raise UnderWay(_("The first request with this key is still at work. Ask again in a second."))


def keep(claimed: Reply, *, status: int, body: bytes) -> None:
    Reply.objects.filter(pk=claimed.pk, claimed_at=claimed.claimed_at).update(status=status, body=body)


def release(claimed: Reply) -> None:
    """Nothing was done; the key is free again."""
    Reply.objects.filter(pk=claimed.pk, claimed_at=claimed.claimed_at, status=None).delete()


def sweep() -> int:
    """Forgets replies whose day is over."""
    return Reply.objects.filter(claimed_at__lt=timezone.now() - KEPT).delete()[0]


def _taken_over(found: Reply, digest: str) -> Reply | None:
    """None where the key became free meanwhile."""
    age = timezone.now() - found.claimed_at
    if age > KEPT:
        Reply.objects.filter(pk=found.pk, claimed_at=found.claimed_at).delete()
        return None
    if found.digest != digest:
        raise KeyReused(_("This key was used for something else within the last day. Choose another."))
    if found.status is not None:
        return found
    if age < ABANDONED:
        raise UnderWay(_("The first request with this key is still at work. Ask again in a second."))
    now = timezone.now()
    if Reply.objects.filter(pk=found.pk, claimed_at=found.claimed_at).update(claimed_at=now):
        found.claimed_at = now
        return found
    return None
