"""Lists of holders, the board and claims over the API."""

from datetime import timedelta

import pytest

from lifecycle import clock
from lifecycle.estate.models import Machine
from lifecycle.sprawl import board, lists
from lifecycle.sprawl.models import Claim
from tests.lifecycle.factories import make_machine


def _day(days=30) -> str:
    return (clock.now().date() + timedelta(days=days)).isoformat()


@pytest.fixture
def stray(world) -> Machine:
    return make_machine("stray", endpoint=world.endpoint)


def test_a_csv_is_tried_and_applied(client, world, stray):
    client.force_login(world.admin)
    text = f"machine,holder,purpose,last_day\nstray,lena,Shop,{_day()}\nnowhere,lena,Shop,{_day()}"

    made = client.post("/api/v1/adoptions/?file_name=a.csv", text, content_type="text/csv").json()
    assert (made["state"], made["counts"], made["name"]) == ("tried", {"ready": 1, "refused": 1}, "a.csv")
    assert client.post(f"/api/v1/adoptions/{made['id']}/apply/").status_code == 202
    lists.go_on()

    rows = client.get(f"/api/v1/adoptions/{made['id']}/rows/").json()["results"]
    assert [(row["number"], row["outcome"]) for row in rows] == [(2, "given"), (3, "refused")]
    assert rows[1]["problem"] == "No machine is called nowhere."
    assert client.get(f"/api/v1/adoptions/{made['id']}/").json()["state"] == "applied"


def test_machines_are_given_by_their_ids(client, world, stray):
    client.force_login(world.admin)
    body = {"machines": [stray.pk], "team": world.owner.team_id, "purpose": "Shop", "last_day": _day()}

    made = client.post("/api/v1/adoptions/", body, content_type="application/json").json()

    assert made["counts"] == {"ready": 1}
    missing = client.post("/api/v1/adoptions/", body | {"machines": [10**9]}, content_type="application/json")
    assert missing.status_code == 422


def test_claim_and_decide(client, world, stray):
    board.put_up([stray], by=world.admin)
    client.force_login(world.owner)
    assert [row["name"] for row in client.get("/api/v1/board/").json()["results"]] == ["stray"]
    body = {"machine": stray.pk, "reason": "I made it", "purpose": "Shop", "last_day": _day()}

    made = client.post("/api/v1/claims/", body, content_type="application/json").json()
    assert client.post("/api/v1/claims/", body, content_type="application/json").status_code == 409
    client.force_login(world.admin)
    accepted = client.post(f"/api/v1/claims/{made['id']}/accept/", {}, content_type="application/json").json()

    assert accepted["state"] == "accepted"
    assert Machine.objects.get(pk=stray.pk).holder == world.owner


def test_one_sees_ones_own_claims(client, world, stray):
    board.put_up([stray], by=world.admin)
    Claim.objects.create(
        machine=stray, by=world.owner, reason="Mine", purpose="Shop", last_day=_day(), at=clock.now()
    )  # fmt: skip
    client.force_login(world.teammate)
    assert client.get("/api/v1/claims/").json()["results"] == []
    client.force_login(world.admin)
    assert len(client.get("/api/v1/claims/?state=open").json()["results"]) == 1
    assert client.get("/api/v1/claims/?mine=true").json()["results"] == []


def test_a_wrong_holder_is_taken_back(client, world, stray):
    client.force_login(world.admin)
    body = {"machines": [stray.pk], "holder": world.owner.pk, "purpose": "Shop", "last_day": _day()}
    made = client.post("/api/v1/adoptions/", body, content_type="application/json").json()
    client.post(f"/api/v1/adoptions/{made['id']}/apply/")
    lists.go_on()

    answer = client.post(
        f"/api/v1/machines/{stray.pk}/take-back/", {"reason": "Not hers"}, content_type="application/json"
    )

    assert (answer.status_code, Machine.objects.get(pk=stray.pk).holder) == (200, None)
