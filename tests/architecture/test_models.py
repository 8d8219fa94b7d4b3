"""The tables keep to the order of the rooms, as the imports do (pyproject.toml, importlinter)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import Field, ForeignObjectRel, Model

ROOT = Path(__file__).parents[2]
LIFECYCLE = ROOT / "lifecycle"
# Lowest first: a room knows only rooms that stand before it.
ROOMS = [
    "clock",
    "audit",
    "people",
    "replies",
    "notices",
    "estate",
    "operations",
    "catalog",
    "money",
    "leases",
    "sprawl",
    "requests",
]
# Calls whose strings name columns.
QUERIES = {
    *("filter", "exclude", "get", "order_by", "values", "values_list", "only", "defer", "annotate", "aggregate"),
    *("select_related", "prefetch_related", "F", "Q", "Prefetch", "OuterRef", "Count", "Sum", "Min", "Max", "Exists"),
}


def room(model: type[Model]) -> str:
    return model.__module__.split(".")[1]


def level(model: type[Model]) -> int:
    """How high the model's room stands; below all of them for tables of libraries."""
    return ROOMS.index(room(model)) if model.__module__.startswith("lifecycle.") else -1


def own_models() -> list[type[Model]]:
    return list(apps.get_app_config("lifecycle").get_models(include_auto_created=False))


def relations() -> Iterator[tuple[type[Model], ForeignObjectRel]]:
    """(the model that owns the key, the way back from the model it points to), within lifecycle."""
    for model in own_models():
        for field in model._meta.get_fields():
            if isinstance(field, Field) and field.remote_field and field.related_model in own_models():
                yield model, field.remote_field


def names_of_higher_rooms(name: str) -> set[str]:
    """Ways back that exist only because a higher room has a key, and that mean nothing else up to this room."""
    here = ROOMS.index(name)
    above = {
        word
        for model, way_back in relations()
        if level(model) > here
        for word in (way_back.get_accessor_name(), way_back.field.related_query_name())
        if word and not word.endswith("+")
    }
    known = {
        word
        for model in own_models()
        if level(model) <= here
        for field in model._meta.get_fields()
        if not (isinstance(field, ForeignObjectRel) and level(field.related_model) > here)
        for word in (field.name, getattr(field, "attname", ""))
    }
    return above - known


def words_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every word that may name a column or a way back: attributes, and keywords and strings of queries."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in QUERIES:
            for keyword in node.keywords:
                yield from ((node.lineno, word) for word in (keyword.arg or "").split("__"))
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield from ((node.lineno, word) for word in argument.value.lstrip("-").split("__"))


def test_every_room_with_tables_stands_in_the_list() -> None:
    assert {room(model) for model in own_models()} <= set(ROOMS)


def test_keys_point_to_the_same_room_or_a_lower_one() -> None:
    upwards = [
        f"{model.__name__}.{way_back.field.name} -> {way_back.model.__name__}"
        for model, way_back in relations()
        if level(way_back.model) > level(model)
    ]

    assert upwards == []


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_does_not_look_up_through_the_way_back(name: str) -> None:
    forbidden = names_of_higher_rooms(name)
    files = [LIFECYCLE / f"{name}.py", *sorted((LIFECYCLE / name).rglob("*.py"))]
    looks = [
        f"{path.relative_to(ROOT)}:{line}: {word}"
        for path in files
        if path.exists()
        for line, word in words_of(ast.parse(path.read_text()))
        if word in forbidden
    ]

    assert looks == []


def test_the_walk_finds_a_look_up() -> None:
    source = "machine.lease.ends_at; Machine.objects.filter(lease__ends_at=1); Machine.objects.order_by('-lease__id')"

    assert "lease" in names_of_higher_rooms("estate")
    assert [word for _, word in words_of(ast.parse(source))].count("lease") == 3


def test_every_room_s_tables_are_known_to_django() -> None:
    """A forgotten room passes Django's checks, and the next migration would delete its tables."""
    with_tables = {path.parent.relative_to(LIFECYCLE).parts[0] for path in LIFECYCLE.glob("*/models.py")}
    with_tables |= {path.parts[-2] for path in LIFECYCLE.glob("*/models") if path.is_dir()}
    imported = {
        (node.module or "").split(".")[1]
        for node in ast.parse((LIFECYCLE / "models.py").read_text()).body
        if isinstance(node, ast.ImportFrom)
    }

    assert with_tables - imported == set()
