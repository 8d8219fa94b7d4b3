"""The estate's tree and its drift, as administrators and auditors see them."""

from __future__ import annotations

import pytest

from lifecycle.estate.models import Drift, Host
from lifecycle.estate.sync import sync
from tests.lifecycle.factories import make_drift, make_machine

HOSTILE = "<script>alert(1)</script>"


def test_the_tree_opens_one_endpoint_and_lists_its_machines(client, world):
    pool = world.blueprint.pool.ref
    world.dc.add_host("host-one", pool_ref=pool)
    world.dc.make_machine_by_hand(HOSTILE[:60], pool_ref=pool)
    sync(world.endpoint, full=True)
    client.force_login(world.admin)

    top = client.get("/estate/").content.decode()
    page = client.get(f"/estate/?endpoint={world.endpoint.pk}").content.decode()

    assert "Hamburg" in top and "Cluster" not in top
    for word in ("Cluster", "Host", "Datastore", "&lt;script&gt;"):
        assert word in page
    assert HOSTILE not in page
    host = Host.objects.get(name="host-one")
    assert client.get(f"/estate/?host={host.pk}").context["chosen"].title == host.name


@pytest.mark.parametrize("asked", ["endpoint=999999", "host=999999"])
def test_what_is_not_there_is_not_found(client, world, asked):
    client.force_login(world.admin)

    assert client.get(f"/estate/?{asked}").status_code == 404


@pytest.mark.parametrize(
    "asked", ["endpoint=x", "host=-1", "pool=", "datastore=99999999999999999999", "endpoint=1&page=x"]
)
def test_a_made_up_address_is_refused(client, world, asked):
    client.force_login(world.admin)

    assert client.get(f"/estate/?{asked}").status_code in (400, 404, 422)


@pytest.mark.parametrize("count", [1, 12])
def test_drift_takes_as_many_queries_for_many_as_for_few(client, world, count, django_assert_num_queries):
    for _number in range(count):
        make_drift(make_machine(endpoint=world.endpoint, holder=world.owner), Drift.Column.MEMORY, ours="1", theirs="2")
    client.force_login(world.admin)
    client.get("/estate/drift/")

    with django_assert_num_queries(10):
        assert client.get("/estate/drift/").status_code == 200


def test_drift_is_accepted_on_its_page_once(client, world):
    drift = make_drift(world.machine(), ours="churn-scoring", theirs=HOSTILE)
    client.force_login(world.admin)
    assert HOSTILE not in client.get("/estate/drift/").content.decode()

    first = client.post(f"/estate/drift/{drift.pk}/accept/")
    second = client.post(f"/estate/drift/{drift.pk}/accept/")

    assert (first.status_code, second.status_code) == (302, 409)
    assert "as it was agreed" in client.get("/estate/drift/").content.decode()
