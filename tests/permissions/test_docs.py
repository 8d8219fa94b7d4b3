"""docs/permissions.md says what the code says."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import lifecycle
from lifecycle.people.permissions import Verb
from lifecycle.people.roles import RIGHTS, Right, Role

PAGE = (Path(__file__).parents[2] / "docs" / "permissions.md").read_text()


def rows(head: str) -> list[list[str]]:
    """The cells of the table that begins with this head."""
    _before, _head, below = PAGE.partition(f"{head}\n")
    table = re.match(r"(?:\|.*\n)+", below)
    assert table, head
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()[1:]]


def test_roles_have_the_rights_that_the_page_names() -> None:
    head = f"| | {' | '.join(str(role.label) for role in Role)} |"

    assert rows(head) == [
        [right.value, *("yes" if right in RIGHTS[role] else "no" for role in Role)] for right in Right
    ]


def test_every_role_has_its_rights() -> None:
    assert set(RIGHTS) == set(Role)


def test_every_verb_is_on_the_page() -> None:
    verbs: dict[str, str] = {}
    for found in pkgutil.walk_packages(lifecycle.__path__, "lifecycle."):
        if "migrations" not in found.name:
            module = vars(importlib.import_module(found.name))
            verbs |= {name: str(value.words) for name, value in module.items() if isinstance(value, Verb)}

    assert rows("| Verb | To |") == [[f"`{name}`", words] for name, words in sorted(verbs.items())]
