"""Endpoints: who adds, changes and switches them, and how outages are counted."""

from datetime import timedelta

import pytest

from lifecycle.audit.models import Entry
from lifecycle.errors import Forbidden, Invalid
from lifecycle.estate.actions import (
    add_endpoint,
    change_endpoint,
    record_answer,
    record_failure,
    set_limits,
    set_mode,
)
from lifecycle.estate.models import Endpoint
from tests.lifecycle.factories import make_admin, make_endpoint, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return make_admin("root")


@pytest.fixture
def added(centre, admin):
    return add_endpoint(name="North", kind="simulated", path=centre.path, username="svc", secret="hush", by=admin)


def test_add_endpoint_only_watches(added):
    assert added.mode == Endpoint.Mode.OBSERVE


def test_add_endpoint_records_without_the_secret(added):
    entry = Entry.objects.get(verb="endpoint.added")
    assert entry.detail["username"] == "svc"
    assert "hush" not in str(entry.detail)


def test_add_endpoint_is_for_admins(centre):
    with pytest.raises(Forbidden):
        add_endpoint(name="North", kind="simulated", path=centre.path, by=make_user())
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "abacus"}, "kind"),
        ({"path": "/etc/passwd"}, "path"),
        ({"path": "../../elsewhere.dc.sqlite3"}, "path"),
        ({"path": "nul\0.dc.sqlite3"}, "path"),
        ({"path": ""}, "path"),
        ({"path": "north.txt"}, ""),
        ({"name": ""}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"port": 70000}, "port"),
    ],
)
def test_add_endpoint_refuses(centre, admin, fields, field):
    wanted = {"name": "North", "kind": "simulated", "path": centre.path} | fields
    with pytest.raises(Invalid) as refusal:
        add_endpoint(**wanted, by=admin)
    assert refusal.value.field == field
    assert not Endpoint.objects.exists()


def test_add_endpoint_refuses_a_name_that_is_taken(added, centre, admin):
    with pytest.raises(Invalid) as refusal:
        add_endpoint(name="North", kind="simulated", path=centre.path, by=admin)
    assert refusal.value.field == "name"


@pytest.mark.parametrize("change", [{"address": "10.0.0.9"}, {"username": "other"}, {"path": "south.dc.sqlite3"}])
def test_change_endpoint_wants_the_secret_again_for_another_place(added, admin, change):
    with pytest.raises(Invalid) as refusal:
        change_endpoint(added, by=admin, secret="", **change)
    assert refusal.value.field == "secret"


def test_change_endpoint_to_another_place_with_the_secret(added, admin):
    change_endpoint(added, by=admin, username="other", secret="new")
    added.refresh_from_db()
    assert (added.username, added.reveal_secret()) == ("other", "new")
    entry = Entry.objects.get(verb="endpoint.changed")
    assert entry.detail["changed"] == ["secret", "username"]
    assert "new" not in str(entry.detail)


def test_change_endpoint_renames_and_keeps_the_secret(added, admin):
    change_endpoint(added, by=admin, name="South", secret="")
    added.refresh_from_db()
    assert (added.name, added.reveal_secret()) == ("South", "hush")


def test_change_endpoint_without_a_change_leaves_no_entry(added, admin):
    change_endpoint(added, by=admin, name="North")
    assert not Entry.objects.filter(verb="endpoint.changed").exists()


def test_change_endpoint_is_for_admins(added):
    with pytest.raises(Forbidden):
        change_endpoint(added, by=make_user(), name="South")


def test_set_mode_manages_with_a_reason(added, admin):
    set_mode(added, Endpoint.Mode.MANAGE, by=admin, reason="tried for a week")
    added.refresh_from_db()
    assert added.mode == Endpoint.Mode.MANAGE
    entry = Entry.objects.get(verb="endpoint.mode_set")
    assert (entry.reason, entry.detail) == ("tried for a week", {"before": "observe", "after": "manage"})


def test_set_mode_twice_leaves_one_entry(added, admin):
    set_mode(added, Endpoint.Mode.MANAGE, by=admin, reason="go")
    set_mode(added, Endpoint.Mode.MANAGE, by=admin, reason="go")
    assert Entry.objects.filter(verb="endpoint.mode_set").count() == 1


def test_set_mode_needs_a_reason(added, admin):
    with pytest.raises(Invalid):
        set_mode(added, Endpoint.Mode.MANAGE, by=admin, reason=" ")


def test_set_mode_is_for_admins(added):
    with pytest.raises(Forbidden):
        set_mode(added, Endpoint.Mode.MANAGE, by=make_user(), reason="mine")


def test_set_limits_changes_them(added, admin):
    set_limits(added, by=admin, blast_count=3, blast_percent=2, parallel=4)
    added.refresh_from_db()
    assert (added.blast_count, added.blast_percent, added.parallel) == (3, 2, 4)


def test_set_limits_refuses_none_at_all(added, admin):
    with pytest.raises(Invalid) as refusal:
        set_limits(added, by=admin, blast_count=0, blast_percent=5, parallel=8)
    assert refusal.value.field == "blast_count"


def _rest(endpoint):
    """Seconds it rests after a failure just now; the rest before is over."""
    Endpoint.objects.filter(pk=endpoint.pk).update(rests_until=None)
    record_failure(endpoint.pk, "No answer.")
    endpoint.refresh_from_db()
    return endpoint.rests_until - endpoint.failing_since


def test_record_failure_starts_an_outage():
    endpoint = make_endpoint()
    assert _rest(endpoint) == timedelta(seconds=1)
    assert (endpoint.failures, endpoint.scan_error) == (1, "No answer.")


def test_record_failure_rests_longer_each_time_up_to_a_minute():
    endpoint = make_endpoint(failures=20)
    assert timedelta(seconds=60) <= _rest(endpoint) < timedelta(seconds=62)


def test_record_failure_keeps_the_beginning():
    endpoint = make_endpoint()
    _rest(endpoint)
    began = endpoint.failing_since
    _rest(endpoint)
    assert (endpoint.failing_since, endpoint.failures) == (began, 2)


def test_record_failure_counts_once_while_it_rests():
    endpoint = make_endpoint()
    record_failure(endpoint.pk, "No answer.")
    record_failure(endpoint.pk, "No answer.")
    endpoint.refresh_from_db()
    assert endpoint.failures == 1


def test_record_answer_ends_the_outage():
    endpoint = make_endpoint()
    record_failure(endpoint.pk, "No answer.")
    record_answer(endpoint.pk)
    endpoint.refresh_from_db()
    assert (endpoint.failing_since, endpoint.failures, endpoint.rests_until) == (None, 0, None)
    assert endpoint.scan_error == ""


def test_record_answer_keeps_gaps_of_an_endpoint_that_did_answer():
    endpoint = make_endpoint(scan_error="One host could not be read.")
    record_answer(endpoint.pk)
    endpoint.refresh_from_db()
    assert endpoint.scan_error == "One host could not be read."


def test_record_failure_and_answer_take_one_query_each(django_assert_num_queries):
    endpoint = make_endpoint()
    with django_assert_num_queries(1):
        record_failure(endpoint.pk, "No answer.")
    with django_assert_num_queries(1):
        record_answer(endpoint.pk)
