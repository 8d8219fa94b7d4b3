"""What a person was told."""

from __future__ import annotations

from django.db.models import QuerySet

from lifecycle.notices.models import Notice
from lifecycle.people.models import User


def notices_of(user: User) -> QuerySet[Notice]:
    """Everything one person was told, newest first."""
    return Notice.objects.filter(recipient=user)


def unread_count(user: User) -> int:
    """For the number in the navigation; counts to 100 at most."""
    return len(Notice.objects.filter(recipient=user, read_at=None).order_by().values_list("pk")[:100])
