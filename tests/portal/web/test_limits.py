"""Thresholds on their page: beside what holds otherwise, for all machines and for a pool."""

from dataclasses import asdict

import pytest

from lifecycle.sprawl.models import Threshold
from lifecycle.sprawl.thresholds import OF_NO_POOL, Limits, limits_of
from portal.web.limitwords import GROUPS, LIMITS
from tests.lifecycle.factories import make_pool, make_user

PATH = "/sprawl/limits/"


@pytest.fixture
def admin(client, world):
    Threshold.objects.all().delete()
    client.force_login(world.admin)


def test_every_limit_has_words_and_a_place():
    assert LIMITS.keys() == asdict(Limits()).keys()
    assert [name for _title, names in GROUPS for name in names] == sorted(LIMITS, key=list(LIMITS).index)


def test_what_is_set_is_shown_and_what_holds_otherwise_beside_it(client, admin):
    client.post(PATH, {"off_days": "30", "reason": "Agreed"})

    form = client.get(PATH).context["form"]

    assert form["off_days"].value() == 30
    assert "Otherwise 14." in form["off_days"].help_text
    assert form["idle_days"].value() is None


def test_a_pool_has_its_own_beside_the_general_ones(client, admin):
    pool = make_pool(name="Lab")
    client.post(PATH, {"off_days": "30", "reason": "Agreed"})
    answer = client.post(f"{PATH}?pool={pool.pk}", {"off_days": "60", "reason": "Cold spares"})

    assert answer["Location"] == f"{PATH}?pool={pool.pk}"
    page = client.get(answer["Location"])
    assert "Otherwise 30." in page.context["form"]["off_days"].help_text
    assert not OF_NO_POOL & page.context["form"].fields.keys()
    assert (limits_of(pool).off_days, limits_of(None).off_days) == (60, 30)
    assert [each.name for each in page.context["special"]] == ["Lab"]


def test_what_is_emptied_is_taken_back(client, admin):
    client.post(PATH, {"off_days": "30", "reason": "Agreed"})
    client.post(PATH, {"off_days": "", "reason": "No more"})
    assert limits_of(None) == Limits()


def test_what_is_out_of_bounds_stands_at_its_field(client, admin):
    for changes in ({"off_days": "0"}, {"idle_percent": "101"}, {"off_days": "many"}, {"reason": ""}):
        answer = client.post(PATH, {"off_days": "30", "reason": "Agreed"} | changes)
        assert (answer.status_code, list(answer.context["form"].errors)) == (422, list(changes))
    assert not Threshold.objects.exists()


def test_a_pool_that_is_none_is_not_found(client, admin):
    assert client.get(f"{PATH}?pool=999999").status_code == 404
    assert client.get(f"{PATH}?pool=x").status_code == 200


def test_auditors_read_and_cannot_set(client, world):
    client.force_login(make_user("aurel", role="auditor"))
    assert client.get(PATH).context["form"].fields["off_days"].disabled
    assert client.post(PATH, {"off_days": "30", "reason": "Agreed"}).status_code == 403


def test_the_page_asks_the_same_number_of_questions(client, admin, django_assert_num_queries):
    client.get(PATH)
    with django_assert_num_queries(10):
        client.get(PATH)
    for _ in range(3):
        Threshold.objects.create(pool=make_pool(), name="off_days", value=1)
    with django_assert_num_queries(10):
        client.get(PATH)
