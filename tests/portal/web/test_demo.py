"""What only a demo has: it is not there elsewhere, skips time, shows mails as text, and makes a machine by hand."""

from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends.filebased import EmailBackend

from lifecycle import clock
from lifecycle.clock import Clock
from lifecycle.estate.models import Machine, Stage
from lifecycle.estate.sync import sync

PATHS = {"bar/": "get", "mails/": "get", "mails/x.log/": "get", "skip/": "post", "by-hand/": "post"}


@pytest.fixture
def demo(world, settings, tmp_path):
    settings.DEMO = True
    settings.MAIL_DIR = tmp_path / "mail"
    return world


@pytest.fixture
def mail(demo, settings):
    def write(subject, body):
        EmailBackend(file_path=str(settings.MAIL_DIR)).send_messages(
            [EmailMessage(subject, body, "Leasehold <leasehold@localhost>", ["lena@example.org"])]
        )
        return max(settings.MAIL_DIR.iterdir(), key=lambda file: file.stat().st_mtime_ns).name

    return write


@pytest.mark.parametrize(("path", "method"), PATHS.items())
def test_a_real_installation_has_none_of_it(client, world, path, method):
    client.force_login(world.admin)

    assert getattr(client, method)(f"/demo/{path}", {"to": "day"}).status_code == 404


@pytest.mark.parametrize("path", ["skip/", "by-hand/"])
def test_acts_need_a_post(client, demo, path):
    client.force_login(demo.admin)

    assert client.get(f"/demo/{path}").status_code == 405


@pytest.mark.parametrize(("to", "days"), [("day", 1), ("week", 7), ("month", 30)])
def test_anybody_may_skip(client, demo, to, days):
    client.force_login(demo.owner)

    answer = client.post("/demo/skip/", {"to": to}, headers={"Referer": "http://testserver/costs/"})

    assert answer.url == "http://testserver/costs/"
    target = Clock.objects.get().target
    assert target is not None
    ahead = target - clock.now()
    assert timedelta(days=days) - timedelta(minutes=1) < ahead <= timedelta(days=days)


def test_the_next_date_is_that_of_a_lease(client, demo):
    lease = demo.machine().lease
    client.force_login(demo.owner)

    client.post("/demo/skip/", {"to": "next"})

    assert Clock.objects.get().target in (lease.next_warning_at, lease.ends_at)


def test_without_a_lease_there_is_no_next_date(client, demo):
    client.force_login(demo.owner)

    assert client.post("/demo/skip/", {"to": "next"}, headers={"Referer": "https://evil.example/"}).url == "/"
    assert not Clock.objects.exclude(target=None).exists()


def test_a_skip_on_the_way_or_to_nowhere_is_refused(client, demo):
    client.force_login(demo.owner)

    assert client.post("/demo/skip/", {"to": "yesterday"}).status_code == 422
    client.post("/demo/skip/", {"to": "day"})
    assert client.post("/demo/skip/", {"to": "day"}).status_code == 409


def test_the_bar_asks_again_while_time_moves_and_loads_the_page_on_arrival(client, demo):
    client.force_login(demo.owner)
    client.post("/demo/skip/", {"to": "day"})
    htmx = {"HX-Request": "true"}

    moving = client.get("/demo/bar/", headers=htmx)
    Clock.objects.update(target=None)
    arrived = client.get("/demo/bar/", headers=htmx)

    assert b"every 1s" in moving.content and "HX-Refresh" not in moving
    assert arrived["HX-Refresh"] == "true"


def test_mails_are_listed_and_opened_as_text(client, demo, mail):
    name = mail("Grüße von <b>web-1</b>", "Stopped.\n<script>alert(1)</script>\nhttp://127.0.0.1/machines/1/")
    client.force_login(demo.owner)

    listed = client.get("/demo/mails/").content.decode()
    opened = client.get(f"/demo/mails/{name}/").content.decode()

    assert "Grüße von &lt;b&gt;web-1" in listed and "lena@example.org" in listed
    assert "<script>alert" not in opened and "Stopped." in opened
    assert 'href="http://127.0.0.1/machines/1/"' in opened


@pytest.mark.parametrize("name", ["..%2Fpassword", "none.log", "password", "a.log.txt", ".log"])
def test_no_other_file_is_opened(client, demo, settings, name):
    settings.MAIL_DIR.mkdir()
    (settings.MAIL_DIR.parent / "password").write_text("secret")
    client.force_login(demo.owner)

    assert client.get(f"/demo/mails/{name}/").status_code == 404


def test_without_mails_it_says_so(client, demo):
    client.force_login(demo.owner)

    assert b"No mail has left yet" in client.get("/demo/mails/").content


def test_a_machine_made_by_hand_is_nobodys_after_the_next_scan(client, demo):
    client.force_login(demo.admin)
    before = Machine.objects.count()

    assert client.post("/demo/by-hand/", {"endpoint": demo.endpoint.pk}).url == f"/endpoints/{demo.endpoint.pk}/"
    assert Machine.objects.count() == before
    sync(demo.endpoint)

    made = Machine.objects.latest("pk")
    assert (made.stage, made.created_by, made.holder) == (Stage.DISCOVERED, "root", None)


def test_only_administrators_are_at_the_console(client, demo):
    client.force_login(demo.owner)

    assert client.post("/demo/by-hand/", {"endpoint": demo.endpoint.pk}).status_code == 403
    assert demo.native() == []


@pytest.mark.parametrize("endpoint", ["", "x", "999999"])
def test_by_hand_needs_an_endpoint_that_is_there(client, demo, endpoint):
    client.force_login(demo.admin)

    assert client.post("/demo/by-hand/", {"endpoint": endpoint}).status_code == 404
