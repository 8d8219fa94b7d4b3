"""A house in which everybody is called something, and machines that say something of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lifecycle.estate.models import Machine
from lifecycle.people.models import Team, User
from lifecycle.sprawl.attribution import attribute
from lifecycle.sprawl.models import CmdbFile, CmdbRow, HolderCandidate
from tests.lifecycle.factories import make_machine, make_team, make_user


@dataclass
class House:
    web: Team
    aylin: User
    piotr: User
    nora: User
    dieter: User
    """Has left; Nora was above him."""


def make_house() -> House:
    web = make_team("Web Shops")
    nora = make_user("nwinkler", first_name="Nora", last_name="Winkler", email="nora@example.org")
    return House(
        web=web,
        nora=nora,
        aylin=make_user("akaya", first_name="Aylin", last_name="Kaya", email="aylin.kaya@example.org", team=web),
        piotr=make_user("p.zielinski", first_name="Piotr", last_name="Zieliński", email="piotr@example.org"),
        dieter=make_user(
            "dmahler", first_name="Dieter", last_name="Mahler", supervisor=nora, left_on="2025-06-30", is_active=False
        ),
    )


def found_of(machine: Machine) -> list[tuple[str, int, list[str]]]:
    """Who might hold it, by user name or team, with the score and what speaks for them."""
    attribute()
    rows = HolderCandidate.objects.filter(machine=machine).select_related("person", "team").order_by("-score", "id")
    return [
        (row.person.username if row.person else row.team.name, row.score, [each["what"] for each in row.evidence])  # type: ignore[union-attr]
        for row in rows
    ]


def stray(name: str = "vm-0417", **fields: Any) -> Machine:
    return make_machine(name, **fields)


def make_inventory(*lines: dict[str, Any]) -> CmdbFile:
    made = CmdbFile.objects.create(file_name="cmdb.csv", at="2026-01-01T00:00Z", state=CmdbFile.State.IN_FORCE)
    for number, line in enumerate(lines, 2):
        key = line.get("name", "").casefold()
        CmdbRow.objects.create(file=made, number=number, key=key, outcome=CmdbRow.Outcome.FITS, **line)
    return made
