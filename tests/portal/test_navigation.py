"""Who sees which groups of the side navigation."""

import pytest

from lifecycle.people.models import User
from portal import navigation

Role = User.Role


def person(role: Role = Role.EMPLOYEE, *, decides: bool = False, owns_cost_centre: bool = False) -> User:
    user = User(role=role)
    user.decides, user.owns_cost_centre = decides, owns_cost_centre
    return user


@pytest.fixture(autouse=True)
def plain_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(navigation, "reverse", lambda name: f"/{name}/")


def groups(person: User) -> list[str]:
    return [str(group.label) for group in navigation.build(person, current="home", counts={})]


@pytest.mark.parametrize(
    ("somebody", "seen"),
    [
        (person(), ["Mine"]),
        (person(decides=True), ["Mine", "Decide"]),
        (person(owns_cost_centre=True), ["Mine", "Money"]),
        (person(Role.FINANCE), ["Mine", "Money"]),
        (person(Role.AUDITOR), ["Mine", "House", "Money", "Rules"]),
        (person(Role.ADMIN), ["Mine", "Decide", "House", "Money", "Rules"]),
    ],
)
def test_build_shows_groups_that_hold_something(somebody: User, seen: list[str]) -> None:
    assert groups(somebody) == seen


def test_build_marks_the_current_item() -> None:
    mine = navigation.build(person(), current="machines", counts={})[0]
    assert [item.url for item in mine.items if item.current] == ["/machines/"]


def test_build_hides_a_count_of_nothing() -> None:
    mine = navigation.build(person(), current="home", counts={"machines": (8, False), "requests": (0, True)})[0]
    assert [item.count for item in mine.items][:4] == [None, 8, None, None]


def test_what_the_house_has_in_its_own_group_stands_only_there() -> None:
    def places(somebody: User) -> list[str]:
        shown = navigation.build(somebody, current="home", counts={})
        return [str(group.label) for group in shown for item in group.items if item.url == "/findings/"]

    assert places(person()) == ["Mine"]
    assert places(person(Role.ADMIN)) == ["House"]
