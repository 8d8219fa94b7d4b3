"""Many machines and their holders: ticked or by CSV, tried first, then applied; and a wrong holder taken back."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from lifecycle import clock
from lifecycle.estate.models import Machine, Stage
from lifecycle.models import Claim, HolderCandidate
from lifecycle.sprawl import board, claims, lists
from lifecycle.sprawl.adoption import give_holder
from lifecycle.sprawl.models import AdoptionList, BoardPlace, Finding
from tests.lifecycle.factories import make_machine

TERMS = {"holder": "lena", "purpose": "Shop"}


@pytest.fixture
def admin(client, world):
    client.force_login(world.admin)
    return client


def _orphan(world, name="stray", **fields) -> Machine:
    machine = make_machine(name, endpoint=world.endpoint, **fields)
    Finding.objects.create(machine=machine, kind="orphan", since=clock.now())
    return machine


def _day(days=30) -> str:
    return (clock.now().date() + timedelta(days=days)).isoformat()


def _file(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("whose.csv", f"machine,holder,purpose,last_day\n{text}".encode())


def test_ticked_machines_go_to_a_list_that_says_what_becomes_of_each(admin, world):
    free, managed = _orphan(world, "web-1"), _orphan(world, "vcls", managed_by="vCenter")
    asked = {"machine": [free.pk, managed.pk], "which": "ticked"}

    assert "The 2 that are ticked: vcls, web-1" in admin.get("/adoptions/new/", asked).content.decode()
    answer = admin.post("/adoptions/new/", asked | TERMS | {"last_day": _day()}, follow=True)

    page = answer.content.decode()
    assert "vCenter manages it." in page
    assert "1 machine gets a holder. The other rows are left out." in page
    assert not Machine.objects.filter(holder=world.owner).exists()


def test_all_that_match_is_a_choice_of_its_own(admin, world):
    for number in range(3):
        _orphan(world, f"web-{number}")
    _orphan(world, "other")

    assert "All 3 that match" in admin.get("/adoptions/new/", {"q": "web"}).content.decode()
    admin.post("/adoptions/new/", TERMS | {"q": "web", "which": "all", "last_day": _day()})

    assert list(AdoptionList.objects.get().rows.values_list("machine__name", flat=True)) == ["web-0", "web-1", "web-2"]


def test_nothing_ticked_is_said(admin, world):
    answer = admin.post("/adoptions/new/", TERMS | {"which": "ticked", "last_day": _day()})

    assert answer.status_code == 422
    assert "Select at least one machine." in answer.content.decode()


def test_a_list_is_tried_applied_and_downloaded(admin, world):
    machine = _orphan(world)
    answer = admin.post("/adoptions/", {"file": _file(f"stray,lena,Shop,{_day()}\nnowhere,lena,=1+1,{_day()}")})
    kept = AdoptionList.objects.get()
    assert answer["Location"] == f"/adoptions/{kept.pk}/"

    admin.post(f"/adoptions/{kept.pk}/apply/")
    assert "0 of 2 rows" not in admin.get(f"/adoptions/{kept.pk}/").content.decode()
    lists.go_on()

    page = admin.get(f"/adoptions/{kept.pk}/live/").content.decode()
    assert "No machine is called nowhere." in page
    assert "hx-get" not in page
    assert Machine.objects.get(pk=machine.pk).holder == world.owner
    text = b"".join(admin.get(f"/adoptions/{kept.pk}/rows.csv")).decode()
    assert f"2,stray,lena,,Shop,{_day()},Given," in text
    assert "'=1+1" in text


def test_applying_twice_is_a_conflict(admin, world):
    _orphan(world)
    kept = lists.try_list(
        f"machine,holder,purpose,last_day\nstray,lena,Shop,{_day()}".encode(), file_name="a", by=world.admin
    )
    admin.post(f"/adoptions/{kept.pk}/apply/")

    answer = admin.post(f"/adoptions/{kept.pk}/apply/")

    assert answer.status_code == 409
    assert "This list was applied already." in answer.content.decode()


def test_rows_are_narrowed_by_outcome(admin, world):
    _orphan(world)
    admin.post("/adoptions/", {"file": _file(f"stray,lena,Shop,{_day()}\nnowhere,lena,Shop,{_day()}")})
    kept = AdoptionList.objects.get()

    page = admin.get(f"/adoptions/{kept.pk}/", {"outcome": "ready"}).content.decode()

    assert "stray" in page
    assert "nowhere" not in page


def test_a_file_that_cannot_be_read_says_why(admin):
    answer = admin.post("/adoptions/", {"file": SimpleUploadedFile("a.csv", b"who,what\n1,2\n")})

    assert answer.status_code == 422
    assert "there is none called machine" in answer.content.decode()


def test_the_template_has_every_orphan_and_no_formula(admin, world):
    machine = _orphan(world, "=cmd()", note="line one\nline two", created_by="@akaya")
    HolderCandidate.objects.create(machine=machine, person=world.owner, score=82)

    text = b"".join(admin.get("/adoptions/orphans.csv")).decode()

    head, row = text.removeprefix("\ufeff").splitlines()
    assert head.startswith("machine,holder,purpose,last_day,machine_name")
    assert row.startswith(f"#{machine.pk},,,,'=cmd(),Hamburg,")
    assert "'@akaya,line one line two" in row
    assert row.endswith("lena (82)")


def test_the_template_filled_in_is_a_list(admin, world):
    machine = _orphan(world, "=cmd()")
    text = b"".join(admin.get("/adoptions/orphans.csv")).decode()

    filled = text.replace(f"#{machine.pk},,,,", f"#{machine.pk},lena,Shop,{_day()},")
    admin.post("/adoptions/", {"file": SimpleUploadedFile("a.csv", filled.encode())})

    row = AdoptionList.objects.get().rows.get()
    assert (row.outcome, row.machine) == ("ready", machine)


@pytest.mark.parametrize("count", [1, 3])
def test_a_list_asks_the_same_number_of_questions(admin, world, count, django_assert_num_queries):
    text = "".join(f"{_orphan(world, f'web-{number}').name},lena,Shop,{_day()}\n" for number in range(count))
    kept = lists.try_list(f"machine,holder,purpose,last_day\n{text}".encode(), file_name="a", by=world.admin)

    with django_assert_num_queries(10):
        assert len(admin.get(f"/adoptions/{kept.pk}/").context["page"].rows) == count


def test_a_wrong_holder_is_taken_back(admin, world):
    machine = _orphan(world)
    give_holder(machine, holder=world.owner, purpose="Shop", last_day=clock.now().date() + timedelta(9), by=world.admin)
    assert "Take back its holder" in admin.get(f"/machines/{machine.pk}/").content.decode()

    admin.post(f"/machines/{machine.pk}/take-back/", {"reason": "Not hers"})

    assert Machine.objects.get(pk=machine.pk).stage == Stage.DISCOVERED


def test_taking_back_what_was_ordered_is_refused_in_the_dialog(admin, world):
    machine = world.machine()

    answer = admin.post(f"/machines/{machine.pk}/take-back/", {"reason": "Not hers"})

    assert answer.status_code == 409
    assert "It was ordered here." in answer.content.decode()


def _claim(world, machine, by=None) -> Claim:
    board.put_up([machine], by=world.admin)
    last_day = clock.now().date() + timedelta(30)
    return claims.claim(machine, reason="I made it", purpose="Shop", last_day=last_day, by=by or world.owner)


def test_the_board_shows_everybody_little(client, world):
    machine = _orphan(
        world, "stray", guest_name="stray.lan", note="root password: hunter2", folder="Customers/Acme",
        created_by="akaya", addresses=["10.0.0.7"], labels={"customer": "Acme"},
    )  # fmt: skip
    board.put_up([machine], by=world.admin)
    client.force_login(world.stranger)

    for path in ("/board/", f"/board/{machine.pk}/claim/", "/api/v1/board/", f"/api/v1/board/{machine.pk}/"):
        page = client.get(path).content.decode()
        assert "stray.lan" in page
        for secret in ("hunter2", "Acme", "akaya", "10.0.0.7", "Hamburg"):
            assert secret not in page, (path, secret)


@pytest.mark.parametrize("count", [1, 3])
def test_the_board_asks_the_same_number_of_questions(client, world, count, django_assert_num_queries):
    board.put_up([_orphan(world, f"web-{number}") for number in range(count)], by=world.admin)
    client.force_login(world.stranger)

    with django_assert_num_queries(11):
        assert len(client.get("/board/").context["page"].rows) == count


def test_everybody_is_asked_about_what_an_administrator_ticked(admin, world):
    machine = _orphan(world)
    assert "Everybody who may sign in sees these machines" in admin.get("/board/fill/").content.decode()

    admin.post("/board/fill/", {"machine": machine.pk, "which": "ticked"})
    assert "stray" in admin.get("/board/").content.decode()

    admin.post(f"/board/{machine.pk}/off/")
    assert not BoardPlace.objects.exists()


def test_an_employee_claims_and_withdraws(client, world):
    machine = _orphan(world)
    board.put_up([machine], by=world.admin)
    client.force_login(world.owner)

    client.post(
        f"/board/{machine.pk}/claim/",
        {"reason": "I made it", "for_team": "team", "purpose": "Shop", "last_day": _day()},
    )
    claim = Claim.objects.get()
    assert (claim.for_team, claim.by) == (True, world.owner)
    assert "You claimed it" in client.get("/board/").content.decode()

    client.post(f"/claims/{claim.pk}/withdraw/")
    claim.refresh_from_db()
    assert claim.state == "withdrawn"


def test_a_claim_without_words_says_all_that_is_missing(client, world):
    machine = _orphan(world)
    board.put_up([machine], by=world.admin)
    client.force_login(world.owner)

    answer = client.post(
        f"/board/{machine.pk}/claim/", {"reason": " ", "for_team": "me", "purpose": "Shop", "last_day": _day()}
    )

    assert answer.status_code == 422
    assert "Say how you know that it is yours." in answer.content.decode()


def test_claims_wait_for_an_administrator_who_is_not_their_author(admin, world):
    mine = _claim(world, _orphan(world, "mine"), by=world.admin)
    hers = _claim(world, _orphan(world, "hers"))

    page = admin.get("/claims/").content.decode()
    assert "Lena" in page or "lena" in page
    assert "Accept, and give it to them" in admin.get(f"/claims/{hers.pk}/").content.decode()
    assert "Accept, and give it to them" not in admin.get(f"/claims/{mine.pk}/").content.decode()
    assert {item.url: item.count for group in admin.get("/board/").context["nav"] for item in group.items}[
        "/claims/"
    ] == 1


def test_an_administrator_accepts(admin, world):
    machine = _orphan(world)
    claim = _claim(world, machine)

    admin.post(f"/claims/{claim.pk}/accept/", {"last_day": _day(10)})

    assert Machine.objects.get(pk=machine.pk).holder == world.owner
    answer = admin.post(f"/claims/{claim.pk}/accept/", {"last_day": _day(10)})
    assert answer.status_code == 409
    assert "This claim is decided already: accepted." in answer.content.decode()


def test_an_administrator_refuses_with_words(admin, client, world):
    claim = _claim(world, _orphan(world))
    assert admin.post(f"/claims/{claim.pk}/refuse/", {"words": ""}).status_code == 422

    admin.post(f"/claims/{claim.pk}/refuse/", {"words": "It is the shop team's."})

    client.force_login(world.owner)
    assert "It is the shop team&#x27;s." in client.get("/board/").content.decode()


def test_rivals_are_named_to_administrators_only(admin, world, client):
    machine = _orphan(world)
    hers, _his = _claim(world, machine), _claim(world, machine, by=world.teammate)

    assert "1 other claims it, too:" in admin.get(f"/claims/{hers.pk}/").content.decode()
    client.force_login(world.owner)
    assert "claims it, too" not in client.get(f"/claims/{hers.pk}/").content.decode()
