"""Looks themselves: what is asked, their rows, that there is one at a time, and that one can be stopped and goes on."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from lifecycle.audit.models import Entry
from lifecycle.estate.actions import change_endpoint
from lifecycle.estate.models import Endpoint, Image, Machine, Scan, SyncToken
from lifecycle.estate.scanning import ask_stop
from lifecycle.estate.sync import progress, scan, sync
from tests.lifecycle.factories import make_admin, make_machine

pytestmark = pytest.mark.django_db

State, Mode = Scan.State, Scan.Mode


def _asked(centre) -> list[str]:
    """Calls that read machines, since the last time."""
    calls = [call["call"] for call in centre.calls() if call["call"] in ("list_machines", "list_changes")]
    with centre.storage.write() as db:
        db.execute("DELETE FROM calls")
    return calls


def _last() -> Scan:
    return Scan.objects.latest("pk")


def _at_each_chunk(act):
    """Something happens whenever a chunk is written, and before the look asks whether to stop."""

    def between(execute, sql, params, many, context):
        if sql.startswith("SELECT") and '"stop_asked_at" IS' in sql:
            act()
        return execute(sql, params, many, context)

    return connection.execute_wrapper(between)


# What is asked


def test_look_asks_for_everything_first_and_then_for_what_changed(centre, endpoint):
    ref = centre.make_machine_by_hand("web")
    sync(endpoint)
    centre.change_by_hand(ref, name="web2")
    result = sync(endpoint)
    assert _asked(centre) == ["list_machines", "list_changes"]
    assert (result.complete, result.seen, result.changed) == (True, 1, 1)
    assert list(Scan.objects.order_by("pk").values_list("mode", flat=True)) == [Mode.FULL, Mode.CHANGES]


def test_look_for_changes_leaves_other_rows_alone(centre, endpoint):
    for number in range(3):
        centre.make_machine_by_hand(f"vm{number}")
    sync(endpoint)
    before = dict(Machine.objects.values_list("pk", "seen_at"))
    sync(endpoint)
    assert dict(Machine.objects.values_list("pk", "seen_at")) == before
    machine = Machine.objects.select_related("endpoint").earliest("pk")
    assert machine.last_seen_at == machine.endpoint.swept_at != machine.seen_at


def test_look_asks_for_everything_when_it_is_time(centre, endpoint, settings):
    sync(endpoint)
    Endpoint.objects.update(full_scan_at=datetime.now(UTC) - timedelta(minutes=settings.FULL_SCAN_EVERY_MINUTES))
    sync(endpoint)
    assert _asked(centre) == ["list_machines", "list_machines"]


def test_look_asks_for_everything_when_a_person_asks(centre, endpoint):
    admin = make_admin()
    sync(endpoint)
    sync(endpoint, by=admin)
    sync(endpoint, asked_by=admin.pk)
    assert _asked(centre) == ["list_machines"] * 3
    assert list(Scan.objects.order_by("pk").values_list("asked_by", flat=True)) == [None, admin.pk, admin.pk]


def test_look_asks_for_everything_after_a_partial_one(centre, endpoint):
    centre.add_fault("list_hosts", "denied")
    assert not sync(endpoint).complete
    sync(endpoint)
    assert _asked(centre) == ["list_machines", "list_machines"]
    assert list(Scan.objects.order_by("pk").values_list("state", flat=True)) == [State.PARTIAL, State.COMPLETE]


def test_look_takes_all_that_is_told_when_its_token_is_not_understood(centre, endpoint):
    gone = centre.make_machine_by_hand("gone")
    sync(endpoint)
    SyncToken.objects.update(token="from another world")
    centre.delete_by_hand(gone)
    centre.make_machine_by_hand("new")
    result = sync(endpoint)
    assert (result.complete, result.found, result.missed) == (True, 1, 1)
    sync(endpoint)
    assert _asked(centre) == ["list_machines", "list_changes", "list_changes"]


def test_look_asks_for_everything_after_a_machine_lay_where_we_know_of_no_place(centre, endpoint):
    sync(endpoint)
    pool = centre.add_pool("annex")
    centre.make_machine_by_hand("web", pool_ref=pool)
    sync(endpoint)
    assert Machine.objects.get().pool is None
    sync(endpoint)
    assert _asked(centre) == ["list_machines", "list_changes", "list_machines"]
    assert Machine.objects.get(pool__name="annex").name == "web"


def test_look_that_is_not_answered_loses_nothing(centre, endpoint):
    sync(endpoint)
    centre.make_machine_by_hand("web")
    centre.go_offline()
    sync(endpoint)
    centre.come_back()
    assert sync(endpoint).found == 1
    assert list(Scan.objects.order_by("pk").values_list("state", flat=True)) == ["complete", "failed", "complete"]


def test_look_asks_for_everything_after_changes_were_refused(centre, endpoint):
    sync(endpoint)
    centre.make_machine_by_hand("web")
    centre.add_fault("list_changes", "denied")
    assert not sync(endpoint).answered
    assert sync(endpoint).found == 1
    assert _asked(centre) == ["list_machines", "list_changes", "list_machines"]


def test_look_at_an_image_remembers_when_it_was_first_seen(centre, endpoint, everything):
    sync(endpoint)
    first = Image.objects.get().first_seen_at
    sync(endpoint)
    assert first is not None
    assert Image.objects.get().first_seen_at == first


# Its row


def test_look_leaves_a_row_that_says_what_it_came_to(centre, endpoint):
    keeps, goes = centre.make_machine_by_hand("keeps"), centre.make_machine_by_hand("goes")
    sync(endpoint)
    centre.change_by_hand(keeps, vcpus=8)
    centre.delete_by_hand(goes)
    sync(endpoint)
    row = _last()
    assert (row.state, row.total, row.written, row.found, row.changed, row.missed) == ("complete", 1, 1, 0, 1, 1)
    assert row.began_at <= row.beat_at == row.ended_at


def test_look_that_fails_says_why(centre, endpoint):
    centre.go_offline()
    sync(endpoint)
    assert (_last().state, _last().error) == (State.FAILED, "The data centre does not answer.")


def test_look_that_breaks_off_is_no_longer_under_way(centre, endpoint):
    centre.make_machine_by_hand("web")

    def die():
        raise MemoryError

    with _at_each_chunk(die), pytest.raises(MemoryError):
        sync(endpoint)
    assert _last().state == State.FAILED


def test_look_shows_how_far_it_is(centre, endpoint, monkeypatch):
    """At most once a second; here with every chunk."""
    monkeypatch.setattr(scan, "CHUNK", 2)
    monkeypatch.setattr(progress, "BEAT", 0.0)
    for number in range(5):
        centre.make_machine_by_hand(f"vm{number}")
    seen = []
    with _at_each_chunk(lambda: seen.append((_last().written, _last().total, _last().found))):
        sync(endpoint)
    assert seen == [(2, 5, 2), (4, 5, 4), (5, 5, 5)]


def test_look_writes_its_progress_no_more_than_once_a_second(centre, endpoint, monkeypatch):
    monkeypatch.setattr(scan, "CHUNK", 1)
    for number in range(20):
        centre.make_machine_by_hand(f"vm{number}")
    with CaptureQueriesContext(connection) as caught:
        sync(endpoint)
    beats = [query for query in caught if query["sql"].startswith('UPDATE "lifecycle_scan"')]
    assert len(beats) <= 5  # how many there are, the end, and what a slow machine adds


def test_looks_are_kept_for_a_while(centre, endpoint, monkeypatch):
    monkeypatch.setattr(progress, "KEPT", 3)
    for _ in range(5):
        sync(endpoint)
    other = Scan.objects.create(
        endpoint=make_machine().endpoint, mode=Mode.FULL, began_at=datetime.now(UTC), beat_at=datetime.now(UTC)
    )
    sync(endpoint)
    assert Scan.objects.filter(endpoint=endpoint).count() == 3
    assert Scan.objects.filter(pk=other.pk).exists()


# One at a time


def _running(endpoint, *, silent_for=timedelta(0)) -> Scan:
    then = datetime.now(UTC) - silent_for
    return Scan.objects.create(endpoint=endpoint, mode=Mode.FULL, began_at=then, beat_at=then)


def test_look_beside_another_returns_at_once(centre, endpoint):
    _running(endpoint)
    result = sync(endpoint)
    assert (result.answered, result.error) == (False, "Another look at this endpoint is under way.")
    assert _asked(centre) == []
    endpoint.refresh_from_db()
    assert endpoint.scan_error == ""


def test_look_does_not_wait_for_one_that_died(centre, endpoint):
    dead = _running(endpoint, silent_for=progress.DEAD_AFTER + timedelta(seconds=1))
    assert sync(endpoint).complete
    dead.refresh_from_db()
    assert (dead.state, dead.error) == (State.FAILED, "It broke off without a word.")


def test_look_at_another_endpoint_is_nobody_else_s_business(centre, endpoint):
    _running(make_machine().endpoint)
    assert sync(endpoint).complete


# Stopped


@pytest.fixture
def stopped(centre, endpoint, monkeypatch):
    """What a look came to that somebody stopped while its second chunk was written; pressing twice did no harm."""
    monkeypatch.setattr(scan, "CHUNK", 2)
    for number in range(6):
        centre.make_machine_by_hand(f"vm{number}")
    admin = make_admin()

    def press():
        if Machine.objects.count() == 4:
            ask_stop(endpoint, by=admin)
            ask_stop(endpoint, by=admin)

    with _at_each_chunk(press):
        return sync(endpoint)


def test_stopped_look_keeps_what_it_wrote(endpoint, stopped):
    endpoint.refresh_from_db()
    assert (stopped.stopped, stopped.complete, Machine.objects.count(), endpoint.scans) == (True, False, 4, 0)
    assert (_last().state, _last().written, _last().total) == (State.STOPPED, 4, 6)


def test_stopped_look_is_gone_on_with_by_the_next(centre, endpoint, stopped):
    before = dict(Machine.objects.values_list("pk", "seen_at"))
    result = sync(endpoint)
    assert (result.complete, result.found, result.changed, Machine.objects.count()) == (True, 2, 0, 6)
    assert dict(Machine.objects.filter(pk__in=before).values_list("pk", "seen_at")) == before
    assert _asked(centre) == ["list_machines", "list_machines"]


def test_stopped_look_misses_nothing(centre, endpoint, stopped):
    sync(endpoint)
    centre.delete_by_hand(Machine.objects.earliest("pk").native_ref)
    admin = make_admin()
    with _at_each_chunk(lambda: ask_stop(endpoint, by=admin)):
        assert sync(endpoint, by=admin).missed == 0
    assert not Machine.objects.filter(scans_missed__gt=0).exists()
    assert sync(endpoint).missed == 1


def test_stopped_look_is_recorded_once(stopped):
    assert Entry.objects.filter(verb="endpoint.scan_stop_asked").count() == 1


# What it costs


def test_look_for_changes_takes_as_many_queries_for_thirty_as_for_three(centre, endpoint):
    refs = [centre.make_machine_by_hand(f"vm{number}") for number in range(30)]
    sync(endpoint)
    counts = []
    for many in (3, 30):
        for ref in refs[:many]:
            centre.change_by_hand(ref, vcpus=many)
        with CaptureQueriesContext(connection) as caught:
            assert sync(endpoint).changed == many
        counts.append(sum(1 for query in caught if "executemany" not in query["sql"]))
    assert counts[0] == counts[1]


def test_look_that_finds_nothing_new_writes_nothing_about_machines(centre, endpoint, everything):
    snapshot_of = centre.make_machine_by_hand("web")
    centre.change_by_hand(snapshot_of, fields='{"team": "web"}')
    sync(endpoint)
    with CaptureQueriesContext(connection) as caught:
        sync(endpoint)
    written = [query["sql"] for query in caught if query["sql"].startswith(("UPDATE", "INSERT", "DELETE"))]
    tables = ("lifecycle_machine", "lifecycle_disk", "lifecycle_nic", "lifecycle_snapshot", "lifecycle_entry")
    assert not [sql for sql in written if any(f'"{table}"' in sql for table in tables)]


def test_look_asks_for_everything_after_the_endpoint_was_moved(centre, endpoint):
    sync(endpoint)
    change_endpoint(endpoint, by=make_admin(), name="Far north")
    sync(endpoint)
    change_endpoint(endpoint, by=make_admin(), username="scanner")
    sync(endpoint)
    assert _asked(centre) == ["list_machines", "list_changes", "list_machines"]
