"""Secrets at rest: what the database keeps, to what it is bound, and how its key is changed."""

from __future__ import annotations

import pickle
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.exceptions import FieldError
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.forms import model_to_dict

from hypervisors.errors import Unreachable
from lifecycle.audit.models import Entry
from lifecycle.errors import Invalid
from lifecycle.estate.actions import change_endpoint
from lifecycle.estate.connections import target
from lifecycle.estate.models import Endpoint
from lifecycle.estate.models.endpoints import REACHES
from lifecycle.estate.secrets import Unreadable
from tests.lifecycle.factories import make_admin, make_endpoint

pytestmark = pytest.mark.django_db

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))
PLAIN = "hush-hush-hush"


@pytest.fixture(autouse=True)
def keys(settings):
    settings.SECRETS_KEYS = [OLD]


def raw(endpoint: Endpoint) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM lifecycle_endpoint WHERE id = %s", [endpoint.pk])
        return cursor.fetchone()[0]


def by_sql(endpoint: Endpoint, **columns: Any) -> Endpoint:
    with connection.cursor() as cursor:
        for name, value in columns.items():
            cursor.execute(f"UPDATE lifecycle_endpoint SET {name} = %s WHERE id = %s", [value, endpoint.pk])  # noqa: S608
    return Endpoint.objects.get(pk=endpoint.pk)


def rotate(*arguments: str) -> str:
    out = StringIO()
    call_command("rotate_keys", *arguments, stdout=out, stderr=out)
    return out.getvalue()


# At rest


def test_secret_is_read_as_it_was_given():
    made = make_endpoint(secret=PLAIN, address="kvm.example.org", port=16514)

    assert Endpoint.objects.get(pk=made.pk).reveal_secret() == made.reveal_secret() == PLAIN


def test_secret_is_not_in_its_row():
    made = make_endpoint(secret=PLAIN)

    assert PLAIN not in raw(made)
    assert Fernet(OLD).decrypt(raw(made).encode())


def test_no_secret_stays_none():
    assert raw(make_endpoint()) == make_endpoint().reveal_secret() == ""


def test_secret_says_nothing_of_itself():
    stored = Endpoint.objects.get(pk=make_endpoint(secret=PLAIN).pk)
    told = [repr(stored.secret), str(stored.secret), f"{stored.secret}", str(model_to_dict(stored))]
    told += [serializers.serialize("json", [stored]), repr(pickle.dumps(stored)), repr(stored.__dict__)]

    assert [words for words in told if PLAIN in words] == []


def test_secret_is_sealed_with_its_row_only():
    with pytest.raises(TypeError):
        Endpoint.objects.update(secret=PLAIN)


def test_secret_cannot_be_searched():
    with pytest.raises(FieldError):
        Endpoint.objects.filter(secret=PLAIN).exists()


def test_saving_something_else_leaves_the_ciphertext_alone():
    made = make_endpoint(secret=PLAIN)
    before = raw(made)

    stored = Endpoint.objects.get(pk=made.pk)
    stored.name = "Another name"
    stored.save()

    assert raw(made) == before


# Bound to its row and place


def test_secret_does_not_open_in_another_row():
    one, other = make_endpoint(secret=PLAIN), make_endpoint(secret="something else")

    moved = by_sql(other, secret=raw(one))

    with pytest.raises(Unreadable, match="another row or place") as error:
        moved.reveal_secret()
    assert PLAIN not in str(error.value)
    assert Endpoint.objects.get(pk=one.pk).reveal_secret() == PLAIN


@pytest.mark.parametrize("change", [{"address": "evil.example"}, {"port": 22}, {"username": "me"}, {"ca_pem": "mine"}])
def test_secret_does_not_open_for_another_place(change):
    moved = by_sql(make_endpoint(secret=PLAIN, address="kvm.example.org"), **change)

    with pytest.raises(Unreadable, match="another row or place"):
        moved.reveal_secret()


def test_connection_waits_until_the_secret_is_given_again():
    moved = by_sql(make_endpoint(kind="kvm", secret=PLAIN, address="kvm.example.org"), address="evil.example")

    with pytest.raises(Unreachable, match="Give it again") as error:
        target(moved)
    assert PLAIN not in str(error.value)


def test_secret_given_again_opens(tmp_path, settings):
    settings.SIMULATED_DIR = tmp_path
    moved = by_sql(make_endpoint(secret=PLAIN, path="a.dc.sqlite3"), path="b.dc.sqlite3")

    change_endpoint(moved, by=make_admin(), secret=PLAIN)

    assert Endpoint.objects.get(pk=moved.pk).reveal_secret() == PLAIN


def test_the_same_secret_moves_with_its_place(tmp_path, settings):
    settings.SIMULATED_DIR = tmp_path
    made = make_endpoint(secret=PLAIN, path="a.dc.sqlite3")

    with pytest.raises(Invalid):
        change_endpoint(made, by=make_admin(), path="b.dc.sqlite3")
    change_endpoint(made, by=make_admin(), path="b.dc.sqlite3", secret=PLAIN)

    assert Endpoint.objects.get(pk=made.pk).reveal_secret() == PLAIN


# Keys


def test_lost_key_is_told_and_the_list_stays_readable(settings):
    made = make_endpoint(secret=PLAIN)
    settings.SECRETS_KEYS = [OTHER]

    stored = Endpoint.objects.get(pk=made.pk)

    assert stored.name == made.name
    with pytest.raises(Unreadable, match="SECRETS_KEYS"):
        stored.reveal_secret()


def test_lost_key_does_not_hinder_a_new_name_or_a_new_secret(settings, tmp_path):
    settings.SIMULATED_DIR = tmp_path
    made = make_endpoint(secret=PLAIN, path="a.dc.sqlite3")
    settings.SECRETS_KEYS = [OTHER]

    change_endpoint(made, by=make_admin(), name="Renamed")
    change_endpoint(made, by=make_admin(), secret="a new one")

    assert Endpoint.objects.get(name="Renamed").reveal_secret() == "a new one"


def test_rotate_keys_encrypts_with_the_first(settings):
    endpoints = [make_endpoint(secret=f"{PLAIN}-{number}") for number in range(3)]
    make_endpoint()
    settings.SECRETS_KEYS = [NEW, OLD]

    assert "3 encrypted anew, 0 used the first key already." in rotate()

    settings.SECRETS_KEYS = [NEW]
    found = [Endpoint.objects.get(pk=endpoint.pk).reveal_secret() for endpoint in endpoints]
    assert found == [f"{PLAIN}-{number}" for number in range(3)]
    assert Entry.objects.filter(verb="endpoint.key_rotated").count() == 3


def test_rotate_keys_twice_changes_nothing(settings):
    made = make_endpoint(secret=PLAIN)
    settings.SECRETS_KEYS = [NEW, OLD]
    rotate()
    before = raw(made)

    assert "0 encrypted anew, 1 used the first key already." in rotate()
    assert raw(made) == before


def test_rotate_keys_goes_on_where_it_was_interrupted(settings, monkeypatch):
    endpoints = [make_endpoint(secret=PLAIN) for _ in range(3)]
    settings.SECRETS_KEYS = [NEW, OLD]
    monkeypatch.setattr("lifecycle.estate.rotation.CHUNK", 1)
    from lifecycle.estate.rotation import rotate as steps

    next(steps())

    assert "2 encrypted anew, 1 used the first key already." in rotate()
    assert all(Fernet(NEW).decrypt(raw(endpoint).encode()) for endpoint in endpoints)


def test_rotate_keys_goes_around_a_secret_whose_key_is_lost(settings):
    lost = make_endpoint("Lost", secret=PLAIN)
    settings.SECRETS_KEYS = [OTHER]
    kept = make_endpoint("Kept", secret=PLAIN)
    settings.SECRETS_KEYS = [NEW, OTHER]
    before = raw(lost)

    with pytest.raises(CommandError, match="1 cannot be read"):
        rotate()

    assert raw(lost) == before
    assert Fernet(NEW).decrypt(raw(kept).encode())


def test_rotate_keys_check_says_which_key_each_uses(settings):
    make_endpoint("Older", secret=PLAIN)
    settings.SECRETS_KEYS = [NEW, OLD]
    make_endpoint("Newer", secret=PLAIN)

    said = rotate("--check")

    assert "endpoint Older, secret: key 2 of 2" in said
    assert "endpoint Newer, secret: key 1 of 2" in said
    assert "1 still need an older key" in said
    assert not [key for key in (NEW, OLD, PLAIN) if key in said]
    assert not Entry.objects.filter(verb="endpoint.key_rotated").exists()


def test_rotate_keys_does_not_help_a_secret_that_was_moved(settings):
    one, other = make_endpoint(secret=PLAIN), make_endpoint(secret="something else")
    moved = by_sql(other, secret=raw(one))
    settings.SECRETS_KEYS = [NEW, OLD]

    rotate()

    with pytest.raises(Unreadable):
        Endpoint.objects.get(pk=moved.pk).reveal_secret()


# Those that were there before


@pytest.fixture
def old_tables():
    """As they were before secrets were bound; as they are now, when the test is over."""
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    MigrationExecutor(connection).migrate(UNBOUND)
    yield
    MigrationExecutor(connection).migrate(newest)


UNBOUND, BOUND = [("lifecycle", "0002_people_of_a_company")], [("lifecycle", "0003_secrets_bound_to_rows")]
OLD_ROW: dict[str, Any] = {
    "id": 7, "name": "North", "kind": "kvm", "mode": "observe", "transport": "tls", "port": 16514, "username": "svc",
    "address": "kvm.example.org", "path": "", "ca_pem": "", "scan_error": "", "version": "", "scans": 0, "failures": 0,
    "blast_count": 1, "blast_percent": 1, "parallel": 1,
}  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_migration_binds_stored_secrets_and_back(old_tables):
    row = OLD_ROW | {"secret": Fernet(OLD).encrypt(PLAIN.encode()).decode()}
    with connection.cursor() as cursor:
        places = ", ".join(["%s"] * len(row))
        cursor.execute(f"INSERT INTO lifecycle_endpoint ({', '.join(row)}) VALUES ({places})", list(row.values()))  # noqa: S608

    MigrationExecutor(connection).migrate(BOUND)
    assert Endpoint.objects.only("secret", "secret_id", *REACHES).get().reveal_secret() == PLAIN

    MigrationExecutor(connection).migrate(UNBOUND)
    assert Fernet(OLD).decrypt(raw(Endpoint(pk=7)).encode()).decode() == PLAIN
