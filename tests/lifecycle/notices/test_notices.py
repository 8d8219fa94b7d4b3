"""Messages: written once with the act, mailed afterwards, each on its own."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import transaction

from lifecycle import clock
from lifecycle.notices.actions import mark_read, post, send
from lifecycle.notices.models import Notice
from lifecycle.notices.queries import notices_of, unread_count
from tests.lifecycle.factories import make_user


def _post(recipient, key="lease-7-ends", **fields):
    fields = {"subject": "It ends soon", "context": {"days": 7}, "path": "/machines/7/"} | fields
    return post(recipient, "lease_ends", key=key, **fields)


def _render(notice: Notice) -> EmailMessage:
    return EmailMessage(notice.subject, "text", to=[notice.recipient.email])


def _due_again():
    Notice.objects.filter(sent_at=None).update(next_try_at=datetime.now(UTC) - timedelta(seconds=1))


@pytest.fixture
def kim(db):
    return make_user("kim", email="kim@example.org")


# Posting


def test_post_is_seen_at_once(kim):
    notice = _post(kim)
    assert (list(notices_of(kim)), unread_count(kim)) == ([notice], 1)
    assert (notice.context, notice.path) == ({"days": 7}, "/machines/7/")


def test_post_with_a_used_key_gives_the_first_message(kim):
    first = _post(kim)
    assert _post(kim, subject="Other") == first
    assert Notice.objects.get().subject == "It ends soon"


def test_post_makes_one_line_of_the_subject(kim):
    assert _post(kim, subject="web\nBcc: all@example.org").subject == "web Bcc: all@example.org"


def test_post_cuts_a_long_subject(kim):
    assert len(_post(kim, subject="x" * 400).subject) == 250


@pytest.mark.django_db(transaction=True)
def test_post_outside_a_transaction_is_a_mistake():
    with pytest.raises(RuntimeError):
        _post(make_user())
    assert not Notice.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_post_goes_when_its_act_fails():
    kim = make_user()

    @transaction.atomic
    def act():
        _post(kim)
        raise LookupError

    with pytest.raises(LookupError):
        act()
    assert not Notice.objects.exists()


def test_post_for_a_leaver_goes_to_the_supervisor(kim):
    leaver = make_user(left_on=(clock.now() - timedelta(days=2)).date(), supervisor=kim)
    assert _post(leaver).recipient == kim


def test_post_for_a_leaver_without_a_supervisor_goes_to_nobody(kim):
    leaver = make_user(left_on=(clock.now() - timedelta(days=2)).date())
    assert _post(leaver) is None
    assert not Notice.objects.exists()


def test_post_to_nobody_does_nothing(db):
    assert _post(None) is None


# Reading


def test_mark_read_is_about_the_own_messages(kim):
    _post(kim)
    _post(make_user(), key="other")
    assert mark_read(kim) == 1
    assert (unread_count(kim), Notice.objects.filter(read_at=None).count()) == (0, 1)


# Sending


def test_send_mails_each_message_once(kim):
    _post(kim)
    assert (send(_render), send(_render)) == (1, 0)
    assert [message.to for message in mail.outbox] == [["kim@example.org"]]
    assert Notice.objects.get().sent_at is not None


def test_send_at_once_with_another_sends_once(kim):
    """A second sender works through the same batch while the first one is at its mail."""
    _post(kim)
    sent_meanwhile = []

    def slowly(notice):
        sent_meanwhile.append(send(_render))
        return _render(notice)

    assert (send(slowly), sent_meanwhile) == (1, [0])
    assert len(mail.outbox) == 1


def test_send_that_read_the_batch_before_another_sent_it_sends_nothing(kim):
    """The claim, not the reading, decides."""
    _post(kim)
    _post(kim, key="second")
    turns = iter([True])

    def render(notice):
        if next(turns, False):
            send(_render)
        return _render(notice)

    assert send(render) == 1
    assert len(mail.outbox) == 2


def test_send_goes_on_after_a_failure(kim):
    _post(make_user(), key="no address")
    _post(kim)
    assert send(_render) == 1
    failed = Notice.objects.get(key="no address")
    assert (failed.sent_at, failed.attempts) == (None, 1)
    assert "no mail address" in failed.error


def test_send_goes_on_when_one_cannot_be_rendered(kim):
    _post(kim, key="broken")
    _post(kim)

    def render(notice):
        if notice.key == "broken":
            raise KeyError("days")
        return _render(notice)

    assert send(render) == 1
    assert Notice.objects.get(key="broken").attempts == 1


def test_send_waits_longer_after_each_failure(kim, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    _post(kim)
    pauses = []
    for _ in range(3):
        _due_again()
        send(_render)
        next_try_at = Notice.objects.get().next_try_at
        assert next_try_at is not None
        pauses.append(round((next_try_at - datetime.now(UTC)).total_seconds() / 60))
    assert pauses == [1, 2, 4]
    assert "refused" in Notice.objects.get().error


def test_send_gives_up_in_the_end_and_keeps_the_message(kim):
    _post(kim)
    Notice.objects.update(recipient=make_user(), attempts=15)
    send(_render)
    notice = Notice.objects.get()
    assert (notice.attempts, notice.next_try_at, notice.sent_at) == (16, None, None)
    assert send(_render) == 0


def test_send_clears_the_error_when_it_worked(kim):
    _post(kim)
    Notice.objects.update(error="refused", attempts=2)
    send(_render)
    assert Notice.objects.get().error == ""


def test_send_keeps_to_its_limit(kim):
    for number in range(3):
        _post(kim, key=str(number))
    assert (send(_render, limit=2), send(_render, limit=2)) == (2, 1)
