"""Who sees which groups of the side navigation."""

from dataclasses import dataclass

import pytest

from portal import navigation


@dataclass
class Person:
    is_admin: bool = False
    decides: bool = False
    owns_cost_centre: bool = False


@pytest.fixture(autouse=True)
def plain_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(navigation, "reverse", lambda name: f"/{name}/")


def groups(person: Person) -> list[str]:
    return [str(group.label) for group in navigation.build(person, current="home", counts={})]


@pytest.mark.parametrize(
    ("person", "seen"),
    [
        (Person(), ["Mine"]),
        (Person(decides=True), ["Mine", "Decide"]),
        (Person(owns_cost_centre=True), ["Mine", "Money"]),
        (Person(is_admin=True), ["Mine", "Decide", "House", "Money", "Rules"]),
    ],
)
def test_build_shows_groups_that_hold_something(person: Person, seen: list[str]) -> None:
    assert groups(person) == seen


def test_build_marks_the_current_item() -> None:
    mine = navigation.build(Person(), current="machines", counts={})[0]
    assert [item.url for item in mine.items if item.current] == ["/machines/"]


def test_build_hides_a_count_of_nothing() -> None:
    mine = navigation.build(Person(), current="home", counts={"machines": (8, False), "requests": (0, True)})[0]
    assert [item.count for item in mine.items] == [None, 8, None, None]
