"""Posting a message with the act it tells of, and sending the mails afterwards."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.mail import EmailMessage
from django.db import connection
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.notices.models import Notice
from lifecycle.people.models import User
from lifecycle.people.queries import approver_for, has_left

log = logging.getLogger(__name__)

Render = Callable[[Notice], EmailMessage]

CLAIM = timedelta(minutes=10)
"""How long a sender has for one mail; after that another may try, so a crash costs a double at worst, never a loss."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
TRIES = 16
"""About two and a half days; then the message stays in the portal only, with its error."""


def post(
    recipient: User | None,
    kind: str,
    *,
    key: str,
    subject: str,
    context: dict[str, Any],
    path: str,
    at: datetime | None = None,
) -> Notice | None:
    """Writes a message into the outbox, inside the transaction of the act it tells of.

    A key is used once: a second post returns the first message. What is meant for a leaver goes to the nearest
    supervisor who is still there; None when there is nobody to tell.
    """
    if not connection.in_atomic_block:
        raise RuntimeError(f"The message {key!r} was to be posted outside the transaction that it tells of.")
    if recipient is not None and has_left(recipient):
        recipient = approver_for(recipient)
    if recipient is None:
        return None
    notice, _created = Notice.objects.get_or_create(
        key=key,
        defaults={
            "recipient": recipient,
            "kind": kind,
            # Names of machines get in here; a line break would make mail headers of them.
            "subject": " ".join(subject.split())[:250],
            "context": context,
            "path": path,
            "at": at or clock.now(),
            "next_try_at": _real_now(),
        },
    )
    return notice


def mark_read(user: User) -> int:
    """Everything this person was told so far counts as read. Returns how much was new."""
    return Notice.objects.filter(recipient=user, read_at=None).update(read_at=clock.now())


def send(render: Render, *, limit: int = 200) -> int:
    """Mails what is due, each message on its own and outside any transaction. Returns how many left.

    Safe to run twice at once: a message is claimed before it is mailed. One that fails waits longer each time.
    """
    due = Notice.objects.filter(sent_at=None, next_try_at__lte=_real_now()).select_related("recipient")
    batch = list(due.order_by("next_try_at", "id")[:limit])
    return sum(_claim(notice) and _deliver(notice, render) for notice in batch)


def _claim(notice: Notice) -> bool:
    """Compare-and-set on the time of the next try: whoever moves it has the message."""
    mine = Notice.objects.filter(pk=notice.pk, sent_at=None, next_try_at=notice.next_try_at)
    return mine.update(next_try_at=_real_now() + CLAIM, attempts=notice.attempts + 1) == 1


def _deliver(notice: Notice, render: Render) -> bool:
    try:
        if not notice.recipient.email:
            raise ValueError(_("%(person)s has no mail address.") % {"person": notice.recipient})
        render(notice).send()
    except Exception as error:
        # Whatever is wrong with one message must not keep the others from leaving.
        log.warning("Notice %s was not sent: %s", notice.pk, error)
        _put_back(notice, error)
        return False
    Notice.objects.filter(pk=notice.pk).update(sent_at=clock.now(), error="")
    return True


def _put_back(notice: Notice, error: Exception) -> None:
    tried = notice.attempts + 1
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(tried - 1, 10))
    next_try = None if tried >= TRIES else _real_now() + pause
    Notice.objects.filter(pk=notice.pk).update(next_try_at=next_try, error=str(error).replace("\0", "")[:2000])


def _real_now() -> datetime:
    """Claims and back-off go by real time: a shifted clock must not make a broken mail server busy."""
    return datetime.now(UTC)
