"""SSH keys of people: what counts as one, whose they are, and twice."""

from __future__ import annotations

import pytest

from lifecycle.audit.models import Entry
from lifecycle.errors import Conflict, Forbidden, Invalid
from lifecycle.people import sshkeys
from tests.lifecycle.factories import FINGERPRINT, SSH_KEY, make_admin, make_ssh_key, make_user, public_key

pytestmark = pytest.mark.django_db


def test_a_key_is_kept_in_one_line_and_known_by_its_fingerprint() -> None:
    lena = make_user("lena")

    added = sshkeys.add(lena, key=f"  {SSH_KEY}\n", by=lena)

    assert (added.text, added.fingerprint, added.name) == (SSH_KEY, FINGERPRINT, "lena@laptop")
    entry = Entry.objects.get()
    assert (entry.verb, entry.object_name, entry.detail["fingerprint"]) == ("ssh_key.added", "lena@laptop", FINGERPRINT)


def test_a_name_of_its_own_wins_and_without_any_the_fingerprint_stands_in() -> None:
    lena = make_user("lena")
    kind, blob, _comment = public_key().split()

    assert make_ssh_key(lena, "laptop at home").name == "laptop at home"
    assert sshkeys.add(lena, key=f"{kind} {blob}", by=lena).name.startswith("SHA256:")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "Not a public key"),
        ("ssh-ed25519", "Not a public key"),
        ("ssh-ed25519 AAAA lena", "cut short"),
        (SSH_KEY.replace("ssh-ed25519", "ssh-rsa"), "cut short"),
        (SSH_KEY[:40], "cut short"),
        (SSH_KEY[:60], "cut short"),
        (SSH_KEY[:61], "Not a public key"),
        (f'command="/bin/sh" {SSH_KEY}', "Not a public key"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----",
            "private half",
        ),
        (f"{SSH_KEY} {'x' * 8192}", "Not a public key"),
        (f"{SSH_KEY}\n{SSH_KEY}", "Not a public key"),
        (SSH_KEY.replace("BmR3", "BmR\n3"), "Not a public key"),
    ],
)
def test_what_is_no_public_key_is_refused_and_not_repeated(key: str, words: str) -> None:
    lena = make_user("lena")

    with pytest.raises(Invalid, match=words) as refused:
        sshkeys.add(lena, key=key, by=lena)

    assert refused.value.field == "key"
    assert "AAAAC3" not in refused.value.message and "b3Blb" not in refused.value.message
    assert not lena.ssh_keys.exists()


@pytest.mark.parametrize("name", ["x" * 81, "bell \x07"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    lena = make_user("lena")

    with pytest.raises(Invalid) as refused:
        sshkeys.add(lena, key=SSH_KEY, name=name, by=lena)

    assert refused.value.field == "name"


def test_the_same_key_twice_is_refused_whatever_it_is_called_but_two_people_may_have_it() -> None:
    lena, piotr = make_user("lena"), make_user("piotr")
    make_ssh_key(lena, key=SSH_KEY)

    with pytest.raises(Invalid, match="already"):
        sshkeys.add(lena, key=SSH_KEY.replace("laptop", "other"), by=lena)

    make_ssh_key(piotr, key=SSH_KEY)
    assert [lena.ssh_keys.count(), piotr.ssh_keys.count()] == [1, 1]


def test_there_are_not_more_than_twenty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sshkeys, "MOST", 2)
    lena = make_user("lena")
    make_ssh_key(lena)
    make_ssh_key(lena)

    with pytest.raises(Conflict, match="2 keys"):
        make_ssh_key(lena)


def test_removing_twice_says_so() -> None:
    lena = make_user("lena")
    key = make_ssh_key(lena)
    again = lena.ssh_keys.get()

    sshkeys.remove(key, by=lena)
    with pytest.raises(Conflict):
        sshkeys.remove(again, by=lena)

    assert list(Entry.objects.order_by("pk").values_list("verb", flat=True)) == ["ssh_key.added", "ssh_key.removed"]


def test_nobody_touches_the_keys_of_somebody_else() -> None:
    lena, ingrid = make_user("lena"), make_admin("ingrid")
    key = make_ssh_key(lena)

    for act in (lambda: sshkeys.add(lena, key=SSH_KEY, by=ingrid), lambda: sshkeys.remove(key, by=ingrid)):
        with pytest.raises(Forbidden):
            act()

    assert lena.ssh_keys.count() == 1
