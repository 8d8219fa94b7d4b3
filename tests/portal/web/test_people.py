"""The pages of people: who opens them, what they show, and what their forms do."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from lifecycle import clock
from lifecycle.models import Entry, User
from lifecycle.people.actions import change_person
from lifecycle.people.imports import try_import
from tests.lifecycle.factories import make_admin, make_machine, make_team, make_user
from tests.lifecycle.world import World

PAGES = [
    "/people/", "/people/line/", "/people/people.csv", "/people/{owner}/", "/people/lists/", "/people/lists/{list}/",
    "/people/lists/template.csv", "/teams/", "/teams/{team}/", "/cost-centres/", "/cost-centres/{centre}/",
]  # fmt: skip
FORMS = [
    "/people/new/", "/people/{owner}/change/", "/people/{owner}/leave/", "/people/{owner}/password/", "/teams/new/",
    "/teams/{team}/change/", "/cost-centres/new/", "/cost-centres/{centre}/change/",
]  # fmt: skip
ACTS = [
    "/people/{owner}/return/", "/people/lists/{list}/apply/", "/people/lists/{list}/again/",
    "/people/lists/{list}/undo/", "/teams/{team}/delete/", "/cost-centres/{centre}/delete/", "/people/lists/",
]  # fmt: skip


@pytest.fixture
def about(world: World) -> dict[str, int]:
    kept = try_import(b"username\nnora\n", file_name="people.csv", by=world.admin)
    team = world.owner.team
    assert team is not None
    return {"owner": world.owner.pk, "list": kept.pk, "team": team.pk, "centre": team.cost_centre_id}


@pytest.fixture
def admin(client, world):
    client.force_login(world.admin)
    return client


def person(**changes):
    return {
        "username": "nora", "first_name": "Nora", "last_name": "Neu", "email": "nora@example.org", "role": "employee",
        "supervisor": "", "team": "", "cost_centre": "", "zone": "Europe/Berlin", "password": "",
    } | changes  # fmt: skip


# Who


def test_auditors_read_and_change_nothing(client, world, about):
    client.force_login(make_user(role=User.Role.AUDITOR))
    before = Entry.objects.count()

    for path in PAGES:
        assert client.get(path.format(**about)).status_code == 200, path
    for path in FORMS + ACTS:
        assert client.post(path.format(**about), person()).status_code == 403, path

    assert b"Add a person" not in client.get("/people/").content
    assert Entry.objects.count() == before


@pytest.mark.parametrize("who", ["stranger", "approver"])
def test_others_open_none_of_them(client, world, about, who):
    client.force_login(getattr(world, who))

    for path in PAGES + FORMS:
        assert client.get(path.format(**about)).status_code == 403, path
    for path in ACTS:
        assert client.post(path.format(**about)).status_code == 403, path


# The list


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_asks_the_same_number_of_questions(admin, world, count, django_assert_num_queries):
    for number in range(count):
        make_user(f"many{number}", team=make_team(), supervisor=make_user(f"boss{number}"))

    with django_assert_num_queries(10):
        assert len(admin.get("/people/?q=many").context["page"].rows) == count


def names(answer):
    return [person.username for person in answer.context["page"].rows]


def test_people_are_found_by_word_team_and_role(admin, world):
    assert names(admin.get("/people/?q=LEN+example")) == ["lena"]
    assert names(admin.get(f"/people/?team={world.stranger.team_id}")) == ["jonas"]
    assert names(admin.get("/people/?role=admin")) == ["ingrid"]
    assert b"Nobody matches" in admin.get("/people/?q=%00zzz").content


def test_leavers_gaps_and_circles_are_shown_apart(admin, world):
    gone = make_user("gone", left_on=clock.now().date(), is_active=False)
    make_user("locked", is_active=False)
    User.objects.filter(pk=world.approver.pk).update(supervisor=world.owner)

    assert names(admin.get("/people/?show=left")) == [gone.username]
    assert names(admin.get("/people/?show=locked")) == ["locked"]
    assert names(admin.get("/people/?show=no-supervisor")) == ["ingrid", "jonas"]
    assert names(admin.get("/people/?show=circle")) == ["lena", "tomasz"]
    assert "gone" not in names(admin.get("/people/"))


def test_circles_and_gaps_lead_to_the_field_that_mends_them(admin, world):
    User.objects.filter(pk=world.approver.pk).update(supervisor=world.owner)

    page = admin.get("/people/line/").content.decode()

    assert f"/people/{world.approver.pk}/change/#id_supervisor" in page
    assert f"/people/{world.stranger.pk}/change/#id_supervisor" in page
    # Nobody mends their own.
    assert f"/people/{world.admin.pk}/change/" not in page


# One person


def test_a_person_s_page_shows_what_they_hold_who_reports_and_what_was_done(admin, world):
    make_machine("churn", holder=world.owner)
    change_person(world.owner, by=world.admin, first_name="<b>Lena</b>")

    page = admin.get(f"/people/{world.owner.pk}/").content.decode()

    assert "churn" in page and "ingrid changed" in page
    assert "<b>Lena" not in page
    assert f"/people/{world.owner.pk}/" in admin.get(f"/people/{world.approver.pk}/").content.decode()


def test_a_person_is_added_with_a_password(admin, world):
    answer = admin.post("/people/new/", person(supervisor="tomasz@example.org", password="long and odd enough 7"))

    made = User.objects.get(username="nora")
    assert answer.url == f"/people/{made.pk}/"
    assert made.supervisor == world.approver and made.check_password("long and odd enough 7")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("username", "lena", "already exists"),
        ("username", "", "cannot be blank"),
        ("email", "nomail", "valid email"),
        ("zone", "Mars/Base", "is not a time zone"),
        ("supervisor", "nobody", "Nobody here is called that"),
        ("password", "12345", "too short"),
        ("role", "king", "Select a valid choice"),
    ],
)
def test_what_is_wrong_with_a_person_stands_at_its_field(admin, world, field, value, words):
    answer = admin.post("/people/new/", person(**{field: value}))

    assert answer.status_code == 422
    assert words in str(answer.context["form"].errors[field])
    assert not User.objects.filter(username="nora").exists()


def test_a_circle_stands_at_the_supervisor(admin, world):
    path = f"/people/{world.approver.pk}/change/"

    answer = admin.post(path, person(supervisor="lena"))

    assert "circle" in str(answer.context["form"].errors["supervisor"])


def test_nobody_is_offered_their_own_supervisor(admin, world):
    path = f"/people/{world.admin.pk}/change/"
    assert b"id_supervisor" not in admin.get(path).content

    admin.post(path, person(supervisor="tomasz", role="admin", first_name="Ingrid"))

    world.admin.refresh_from_db()
    assert (world.admin.supervisor, world.admin.first_name) == (None, "Ingrid")


def test_somebody_leaves_and_comes_back(admin, world):
    path = f"/people/{world.owner.pk}/"

    admin.post(f"{path}leave/", {"left_on": str(world.day(-2))})
    assert not User.objects.get(pk=world.owner.pk).is_active
    assert b"Bring back" in admin.get(path).content

    admin.post(f"{path}return/")
    assert User.objects.get(pk=world.owner.pk).is_active
    assert admin.post(f"{path}return/").status_code == 409


def test_the_last_administrator_is_kept_at_the_field(admin, world):
    answer = admin.post(f"/people/{world.admin.pk}/leave/", {"left_on": str(world.day(-2))})
    assert "administrator" in str(answer.context["form"].errors["left_on"])


def test_a_password_is_set_by_an_administrator(admin, world):
    admin.post(f"/people/{world.owner.pk}/password/", {"password": "long and odd enough 7"})
    world.owner.refresh_from_db()
    assert world.owner.check_password("long and odd enough 7")


# Teams and cost centres


@pytest.mark.parametrize("more", [1, 3])
@pytest.mark.parametrize("path", ["/teams/", "/cost-centres/"])
def test_teams_and_cost_centres_ask_the_same_number_of_questions(admin, path, more, django_assert_num_queries):
    for _ in range(more):
        make_user(team=make_team())
    with django_assert_num_queries(9):
        admin.get(path)


def test_counts_beside_a_cost_centre_do_not_multiply(admin, world):
    centre = world.owner.cost_centre
    make_team(cost_centre=centre)
    make_machine(holder=world.owner, cost_centre=centre)

    (row,) = [row for row in admin.get("/cost-centres/").context["page"].rows if row.pk == centre.pk]

    assert (row.team_count, row.people_count, row.machine_count) == (2, 3, 1)


def test_teams_are_added_changed_and_removed(admin, world):
    centre = world.owner.cost_centre_id
    made = admin.post("/teams/new/", {"name": "Ships", "cost_centre": centre}).url
    assert admin.post(f"{made}change/", {"name": "Boats", "cost_centre": centre}).url == made
    assert b"Boats" in admin.get("/teams/").content

    assert admin.post(f"{made}delete/").url == "/teams/"
    assert admin.get(made).status_code == 404


def test_cost_centres_are_added_changed_and_removed(admin, world):
    made = admin.post("/cost-centres/new/", {"code": "42", "name": "Ships", "owner": "lena"}).url
    assert b"lena" in admin.get(made).content
    assert admin.post(f"{made}change/", {"code": "42", "name": "Boats", "owner": ""}).url == made

    assert admin.post(f"{made}delete/").url == "/cost-centres/"


def test_what_is_in_use_is_not_removed(admin, world):
    assert admin.post(f"/teams/{world.owner.team_id}/delete/").status_code == 409
    assert admin.post(f"/cost-centres/{world.owner.cost_centre_id}/delete/").status_code == 409


@pytest.mark.parametrize(
    ("path", "sent", "field"),
    [("/teams/new/", {"name": "Data Platform"}, "name"), ("/cost-centres/new/", {"code": "4120", "name": "x"}, "code")],
)
def test_names_that_are_taken_stand_at_their_field(admin, world, path, sent, field):
    answer = admin.post(path, sent | {"cost_centre": world.owner.cost_centre_id})
    assert "already exists" in str(answer.context["form"].errors[field])


# Lists


def sent(text: str) -> dict[str, SimpleUploadedFile]:
    return {"file": SimpleUploadedFile("people.csv", text.encode(), content_type="text/csv")}


def test_a_list_is_tried_applied_and_undone(admin, world):
    page = admin.post(
        "/people/lists/", sent("username,email,team,cost_centre\nlena,new@x.org,,4120\nkim,,Ships,42\n")
    ).url
    words = admin.get(page).content.decode()
    assert "Will be changed" in words and "Ships" in words and "new@x.org" in words
    assert not User.objects.filter(username="kim").exists()

    admin.post(f"{page}apply/", {"team": "Ships", "cost_centre": "42"})
    assert str(User.objects.get(username="kim").team) == "Ships"
    assert User.objects.get(username="lena").email == "new@x.org"

    admin.post(f"{page}undo/")
    words = admin.get(page).content.decode()
    assert "Restored" in words and "Removed again" in words
    assert User.objects.get(username="lena").email == "lena@example.org"


def test_what_is_not_ticked_is_left_out(admin, world):
    page = admin.post("/people/lists/", sent("username,team,cost_centre\nkim,Ships,42\nbo,,\n")).url

    admin.post(f"{page}apply/")

    assert "Left out" in admin.get(f"{page}?outcome=refused").content.decode()
    assert User.objects.filter(username__in=["kim", "bo"]).get().username == "bo"


def test_a_list_that_is_no_longer_true_is_shown_again(admin, world):
    page = admin.post("/people/lists/", sent("username,email\nlena,new@x.org\n")).url
    change_person(world.owner, by=make_admin(), email="third@x.org")

    answer = admin.post(f"{page}apply/")
    assert answer.status_code == 409 and b"People have changed since" in answer.content

    admin.post(f"{page}again/")
    assert b"third@x.org" in admin.get(page).content
    admin.post(f"{page}apply/")
    assert User.objects.get(username="lena").email == "new@x.org"


def test_a_file_that_cannot_be_read_says_why(admin, world):
    answer = admin.post("/people/lists/", sent("name\nlena\n"))
    assert answer.status_code == 422
    assert "none called username" in str(answer.context["form"].errors["file"])


def test_a_file_of_thousands_is_shown_in_pages(admin, world):
    page = admin.post("/people/lists/", sent("username\n" + "\n".join(f"p{n}" for n in range(250)))).url

    assert "1 to 100 of 250" in admin.get(page).content.decode()
    assert "201 to 250 of 250" in admin.get(f"{page}?from=200").content.decode()
    assert admin.get(f"{page}?from=x&outcome=y").status_code == 200


def test_hostile_names_are_text(admin, world):
    page = admin.post("/people/lists/", sent('username,last_name\nkim,"<script>alert(1)</script>"\n')).url
    assert "<script>alert" not in admin.get(page).content.decode()


def test_everybody_is_downloaded_without_formulas(admin, world):
    User.objects.filter(pk=world.owner.pk).update(last_name="=cmd()")

    answer = admin.get("/people/people.csv")

    text = b"".join(answer.streaming_content).decode()
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert ",'=cmd()," in text and len(text.splitlines()) == 1 + User.objects.count()
