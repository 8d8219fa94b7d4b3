"""The tables of this folder: aligned text, a line per thing that can be asked, a column per kind of person."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

Row = tuple[str, ...]
Answers = Mapping[str, str]

PEOPLE = (
    "anonymous", "stranger", "colleague", "teammate", "see", "operate", "manage", "holder", "approver", "payer",
    "finance", "auditor", "admin",
)  # fmt: skip
"""The columns; docs/permissions.md says who they are."""

HERE = Path(__file__).parent


def read(name: str) -> dict[Row, Answers]:
    """What is asked -> who -> the answer. The head names the columns: those before people say what is asked."""
    head, *lines = (line.split() for line in (HERE / name).read_text().splitlines() if line and line[0] != "#")
    width = next(place for place, column in enumerate(head) if column in PEOPLE)
    rows: dict[Row, Answers] = {}
    for line in lines:
        asked, answers = tuple(line[:width]), line[width:]
        assert asked not in rows, f"{name} names {' '.join(asked)} twice."
        assert len(line) == len(head), f"{name}: {' '.join(asked)} has {len(answers)} answers, not {len(head) - width}."
        rows[asked] = dict(zip(head[width:], answers, strict=True))
    return rows


def differences(expected: Mapping[Row, Answers], found: Mapping[Row, Answers]) -> list[str]:
    """What the table says and what was answered, in words that can be put right in either place."""
    lines = [f"no line for {' '.join(asked)}: answered {_shown(found[asked])}" for asked in found.keys() - expected]
    lines += [f"{' '.join(asked)} is not there any more" for asked in expected.keys() - found]
    for asked in expected.keys() & found:
        lines += [
            f"{' '.join(asked)}: {person} is to get {answer}, but got {found[asked].get(person)}"
            for person, answer in expected[asked].items()
            if found[asked].get(person) != answer
        ]
    return sorted(lines)


def _shown(answers: Answers) -> str:
    return " ".join(answers.values())
