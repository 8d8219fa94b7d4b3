"""How notices look as mail: the same words as the page, plain text, one link."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone

from lifecycle import clock
from lifecycle.notices.models import Notice


def render(notice: Notice) -> EmailMessage:
    """The mail for one notice, from `templates/mail/<kind>.txt` or the plain one."""
    person = notice.recipient
    context = {
        "notice": notice,
        "person": person,
        "link": f"{settings.PORTAL_URL}{notice.path}",
        **{name: _moment(value, person.tz) for name, value in notice.context.items()},
    }
    with timezone.override(person.tz):
        body = render_to_string([f"mail/{notice.kind}.txt", "mail/notice.txt"], context)
    # By the portal's clock: in a demo that skips a month, its mails are a month apart, too.
    return EmailMessage(notice.subject, body, to=[person.email], headers={"Date": format_datetime(clock.now())})


def _moment(value: object, zone: ZoneInfo) -> object:
    """Instants were stored as text; they are read in the zone of whoever reads them."""
    if isinstance(value, str) and len(value) > 18 and value[10] == "T":
        try:
            return datetime.fromisoformat(value).astimezone(zone)
        except ValueError:
            return value
    return value
