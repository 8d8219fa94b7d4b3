"""My account: who gets in, the brake on trying passwords, tokens, sessions, password, time zone and theme."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from lifecycle import clock
from lifecycle.audit.models import Entry
from lifecycle.errors import Forbidden
from lifecycle.people import sessions
from lifecycle.people.models import SignIn, Token, User
from lifecycle.tasks import sweep_sessions
from tests.lifecycle.factories import make_admin, make_token, make_user

pytestmark = pytest.mark.django_db

SIGN_IN = reverse("sign-in")
ACCOUNT = reverse("account")
PASSWORD = "secret-for-tests"
GOOD = {"username": "lena", "password": PASSWORD}
WRONG = GOOD | {"password": "wrong"}
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(autouse=True)
def lena() -> Any:
    cache.clear()
    return make_user("lena", email="lena@example.org")


def signed_in(**headers: str) -> Client:
    client = Client()
    assert client.post(SIGN_IN, GOOD, headers=headers).status_code == 302
    return client


def verbs() -> list[str]:
    return list(Entry.objects.order_by("pk").values_list("verb", flat=True))


# Signing in


def test_the_right_password_leads_to_the_page_that_was_asked_for(client):
    assert client.get("/costs/").url == f"{SIGN_IN}?next=/costs/"

    answer = client.post(SIGN_IN, GOOD | {"next": "/costs/"})

    assert (answer.status_code, answer.url) == (302, "/costs/")


def test_a_foreign_next_page_is_not_followed(client):
    assert client.post(SIGN_IN, GOOD | {"next": "https://evil.example/"}).url == "/"


def test_a_mail_address_is_as_good_as_a_name(client):
    assert client.post(SIGN_IN, GOOD | {"username": "LENA@example.org"}).status_code == 302


def test_a_mail_address_of_two_people_names_neither(client):
    make_user("other", email="lena@example.org")

    assert client.post(SIGN_IN, GOOD | {"username": "lena@example.org"}).status_code == 200


def test_a_wrong_password_says_so_and_keeps_the_name(client):
    answer = client.post(SIGN_IN, WRONG)

    assert b"Name or password is wrong." in answer.content
    assert b'value="lena"' in answer.content


def test_a_locked_account_stays_outside(client, lena):
    lena.is_active = False
    lena.save()

    assert client.post(SIGN_IN, GOOD).status_code == 200


def test_whoever_has_left_stays_outside(client, lena):
    lena.left_on = date(2020, 1, 1)
    lena.save()

    assert client.post(SIGN_IN, GOOD).status_code == 200


def test_whoever_leaves_is_signed_in_no_longer(lena):
    client = signed_in()
    assert client.get(ACCOUNT).status_code == 200

    User.objects.update(left_on=date(2020, 1, 1))

    assert client.get(ACCOUNT).status_code == 302


def test_whoever_is_signed_in_goes_home(client, lena):
    client.force_login(lena)

    assert client.get(SIGN_IN).url == "/"


def test_signing_in_changes_the_session_s_key(client):
    client.get(SIGN_IN)
    session = client.session
    session["before"] = "kept"
    session.save()
    planted = session.session_key
    client.cookies[settings.SESSION_COOKIE_NAME] = planted

    client.post(SIGN_IN, GOOD)

    assert client.session.session_key != planted
    assert not Session.objects.filter(session_key=planted).exists()


def test_signing_out_needs_a_post(client, lena):
    client.force_login(lena)

    assert client.get(reverse("sign-out")).status_code == 405
    assert client.post(reverse("sign-out")).url == SIGN_IN
    assert client.get("/costs/").status_code == 302


def test_only_a_demo_names_its_sign_ins_and_password(client, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    (tmp_path / "password").write_text("b3ach\n")
    assert b"b3ach" not in client.get(SIGN_IN).content

    settings.DEMO = True

    assert b"b3ach" in client.get(SIGN_IN).content
    assert b'value="lena"' in client.get(SIGN_IN, {"as": "lena"}).content
    assert b"mallory" not in client.get(SIGN_IN, {"as": "mallory"}).content


# The brake


def lock(client: Client, name: str = "lena", **headers: str) -> Any:
    answer: Any = None
    for _try in range(settings.AXES_FAILURE_LIMIT):
        answer = client.post(SIGN_IN, WRONG | {"username": name}, headers=headers)
    return answer


def test_after_too_many_tries_even_the_right_password_waits(client):
    assert lock(client).status_code == 429

    answer = client.post(SIGN_IN, GOOD)

    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "300"
    assert b"Too many wrong tries" in answer.content
    assert b"<h1>Sign in</h1>" in answer.content


def test_others_are_not_braked_by_it(client):
    make_user("piotr")
    lock(client)

    assert client.post(SIGN_IN, GOOD | {"username": "piotr"}).status_code == 302


def test_the_same_name_from_elsewhere_is_not_braked_by_it(client):
    lock(client)

    assert Client(REMOTE_ADDR="10.0.0.9").post(SIGN_IN, GOOD).status_code == 302


def test_the_brake_lets_go_by_itself_and_trying_on_does_not_prolong_it(client):
    with time_machine.travel(clock.now(), tick=False) as traveller:
        lock(client)
        traveller.shift(timedelta(minutes=4))
        assert client.post(SIGN_IN, WRONG).status_code == 429
        traveller.shift(timedelta(minutes=2))

        assert client.post(SIGN_IN, GOOD).status_code == 302


def test_the_right_password_forgets_the_wrong_ones(client):
    for _try in range(settings.AXES_FAILURE_LIMIT - 1):
        client.post(SIGN_IN, WRONG)
    signed_in()

    assert client.post(SIGN_IN, WRONG).status_code == 200


def test_another_browser_does_not_begin_anew(client):
    for number in range(settings.AXES_FAILURE_LIMIT):
        client.post(SIGN_IN, WRONG, headers={"User-Agent": f"Browser {number}"})

    assert client.post(SIGN_IN, GOOD).status_code == 429


def test_what_was_typed_is_not_kept_with_a_failed_try(client):
    client.post(f"{SIGN_IN}?next=/costs/", {"username": "my-Passw0rd", "password": "other-Passw0rd"})

    kept = AccessAttempt.objects.get()
    assert kept.username.startswith("unknown-")
    assert [name for name, value in vars(kept).items() if "Passw0rd" in str(value)] == []


def test_a_header_without_a_trusted_proxy_buys_no_further_tries(client):
    lock(client, **{"X-Forwarded-For": "203.0.113.5"})

    assert client.post(SIGN_IN, GOOD, headers={"X-Forwarded-For": "203.0.113.6"}).status_code == 429


# Sessions


def test_a_sign_in_is_listed_with_browser_and_address():
    client = signed_in(**{"User-Agent": FIREFOX})

    page = client.get(ACCOUNT).content.decode()

    assert "Firefox on Linux" in page
    assert "from 127.0.0.1" in page
    assert "This one" in page
    assert "Sign out all others" not in page


def test_a_browser_s_words_are_text():
    client = signed_in(**{"User-Agent": "<b>Firefox\x00</b>"})

    assert "<b>Firefox" not in client.get(ACCOUNT).content.decode()


def test_signing_out_takes_it_off_the_list():
    signed_in().post(reverse("sign-out"))

    assert not SignIn.objects.exists()


def test_all_others_are_signed_out():
    here, there = signed_in(), signed_in()
    assert b"Sign out all others" in here.get(ACCOUNT).content

    here.post(reverse("sessions-end"))

    assert here.get(ACCOUNT).status_code == 200
    assert there.get(ACCOUNT).status_code == 302
    assert verbs() == ["person.signed_out"]
    here.post(reverse("sessions-end"))
    assert verbs() == ["person.signed_out"]


def test_one_other_is_signed_out():
    here, there = signed_in(), signed_in()
    other = SignIn.objects.get(session_key=there.session.session_key)

    here.post(reverse("session-end", args=[other.pk]))

    assert here.get(ACCOUNT).status_code == 200
    assert there.get(ACCOUNT).status_code == 302
    assert here.post(reverse("session-end", args=[other.pk])).status_code == 404


def test_nobody_else_s_session_is_seen_or_ended():
    mine = signed_in()
    stranger = Client()
    stranger.force_login(make_user("jonas"))

    assert stranger.post(reverse("session-end", args=[SignIn.objects.get().pk])).status_code == 404
    stranger.post(reverse("sessions-end"))
    assert mine.get(ACCOUNT).status_code == 200


def test_administrators_end_one_session_of_a_person(lena):
    kept, cut = signed_in(), signed_in()
    sign_in, admin = SignIn.objects.get(session_key=cut.session.session_key), make_admin()

    with pytest.raises(Forbidden):
        sessions.end(sign_in, by=make_user("jonas"))
    assert cut.get(ACCOUNT).status_code == 200
    sessions.end(sign_in, by=admin)
    sessions.end(sign_in, by=admin)

    assert [kept.get(ACCOUNT).status_code, cut.get(ACCOUNT).status_code] == [200, 302]
    entry = Entry.objects.get(verb="person.signed_out")
    assert (entry.actor_id, entry.object_type, entry.object_id) == (admin.pk, "user", lena.pk)


def test_last_seen_is_written_once_a_minute():
    client = signed_in()
    with time_machine.travel(clock.now() + timedelta(minutes=2), tick=False) as traveller:
        cache.clear()
        client.get(ACCOUNT)
        first = SignIn.objects.get().seen_at
        traveller.shift(timedelta(seconds=30))
        client.get(ACCOUNT)
        assert SignIn.objects.get().seen_at == first == clock.now() - timedelta(seconds=30)


def test_ended_sessions_are_cleared_away_with_the_next_sign_in():
    signed_in()
    Session.objects.all().delete()
    signed_in()

    assert SignIn.objects.count() == 1


def test_sessions_whose_time_is_over_are_swept():
    here = signed_in()
    signed_in()
    Session.objects.exclude(session_key=here.session.session_key).update(expire_date=clock.now() - timedelta(hours=1))

    sweep_sessions()

    assert Session.objects.count() == SignIn.objects.count() == 1
    assert here.get(ACCOUNT).status_code == 200


# Tokens


def day(days: int) -> str:
    return str((clock.now() + timedelta(days=days)).date())


def test_a_token_is_shown_once():
    client = signed_in()

    made = client.post(reverse("token-new"), {"name": "nightly", "scope": "read", "last_day": day(30)})

    assert made.status_code == 200
    plain = made.context["plain"]
    assert plain in made.content.decode()
    assert made.headers["Cache-Control"] == "private, no-store"
    page = client.get(ACCOUNT).content.decode()
    assert "nightly" in page and plain[:8] in page and plain not in page


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "taken"}, "name"),
        ({"scope": "everything"}, "scope"),
        ({"last_day": "soon"}, "last_day"),
        ({"last_day": "2001-01-01"}, "last_day"),
        ({"last_day": "9999-12-31"}, "last_day"),
    ],
)
def test_what_is_wrong_with_a_token_stands_at_its_field(lena, changes, field):
    make_token(lena, "taken")

    sent = {"name": "nightly", "scope": "read", "last_day": day(30)} | changes
    answer = signed_in().post(reverse("token-new"), sent)

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert Token.objects.count() == 1


def test_a_token_is_revoked_after_a_question(lena):
    token, _plain = make_token(lena, "nightly")
    client, address = signed_in(), reverse("token-revoke", args=[token.pk])

    assert b"Revoke nightly?" in client.get(address).content
    assert Token.objects.get().revoked_at is None
    assert client.post(address)["Location"] == ACCOUNT
    assert b"nightly</th>" not in client.get(ACCOUNT).content
    assert client.post(address).status_code == 409


def test_nobody_else_s_token_is_revoked(lena):
    token, _plain = make_token(lena)
    stranger = Client()
    stranger.force_login(make_user("jonas"))

    assert stranger.post(reverse("token-revoke", args=[token.pk])).status_code == 404
    assert Token.objects.get().revoked_at is None


def test_the_page_asks_as_often_for_three_tokens_and_sessions_as_for_one(lena, django_assert_num_queries):
    client = signed_in()
    make_token(lena)
    client.get(ACCOUNT)  # notes that the session was seen
    with django_assert_num_queries(9):
        client.get(ACCOUNT)
    for _number in range(2):
        make_token(lena)
        signed_in()

    with django_assert_num_queries(9):
        client.get(ACCOUNT)


# Password


NEW = {"present": PASSWORD, "password": "a-long-new-one-7", "again": "a-long-new-one-7"}


def test_a_new_password_signs_out_all_others():
    here, there = signed_in(), signed_in()
    before = here.session.session_key

    answer = here.post(reverse("password"), NEW)

    assert answer["Location"] == ACCOUNT
    assert here.get(ACCOUNT).status_code == 200
    assert here.session.session_key != before
    assert SignIn.objects.get().session_key == here.session.session_key
    assert there.get(ACCOUNT).status_code == 302
    assert Client().post(SIGN_IN, GOOD).status_code == 200
    assert Client().post(SIGN_IN, GOOD | {"password": NEW["password"]}).status_code == 302
    assert "person.password_changed" in verbs()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"present": "wrong"}, "present"),
        ({"again": "another"}, "again"),
        ({"password": "short", "again": "short"}, "password"),
        ({"password": "password1", "again": "password1"}, "password"),
        ({"password": "lena@example.org", "again": "lena@example.org"}, "password"),
        ({"password": PASSWORD, "again": PASSWORD}, "password"),
    ],
)
def test_a_bad_new_password_is_refused(changes, field):
    answer = signed_in().post(reverse("password"), NEW | changes)

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert Client().post(SIGN_IN, GOOD).status_code == 302


def test_trying_out_the_present_password_is_braked():
    client = signed_in()
    for _try in range(settings.AXES_FAILURE_LIMIT):
        client.post(reverse("password"), NEW | {"present": "wrong"})

    assert client.post(reverse("password"), NEW).status_code == 429


# Time zone and theme


def test_the_time_zone_is_set_and_what_is_none_is_refused(lena):
    client = signed_in()

    assert client.post(reverse("zone"), {"zone": "Mars/Olympus"}).status_code == 422
    assert client.post(reverse("zone"), {"zone": "Asia/Tokyo"})["Location"] == ACCOUNT
    client.post(reverse("zone"), {"zone": "Asia/Tokyo"})

    lena.refresh_from_db()
    assert lena.zone == "Asia/Tokyo"
    assert verbs() == ["person.zone_set"]


@pytest.mark.parametrize(("given", "kept"), [("dark", "dark"), ("", ""), ("neon", None)])
def test_the_theme_is_kept_by_the_browser(given, kept):
    answer = signed_in().post(reverse("theme"), {"theme": given})

    assert answer.status_code == 302
    assert (answer.cookies["theme"].value if "theme" in answer.cookies else None) == kept
