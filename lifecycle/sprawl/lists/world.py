"""Machines, people and teams by the words that a file has for them. As many queries for a line as for hundreds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from lifecycle.errors import Invalid
from lifecycle.estate.models import LIVE, Machine
from lifecycle.people.models import Team, User

CHUNK = 500
NAMED = 3
"""Machines of one name that a sentence tells apart."""


class Unclear(Invalid):
    """More than one thing goes by that name."""


@dataclass(frozen=True)
class Machines:
    """Every machine that any of the given words may mean."""

    by_id: dict[int, Machine]
    by_uuid: dict[UUID, list[Machine]]
    by_name: dict[str, list[Machine]]

    @classmethod
    def load(cls, words: Iterable[str]) -> Machines:
        wanted = sorted(set(words))
        ids = sorted({number for word in wanted if (number := _number(word))})
        uuids = [each for word in wanted if (each := _uuid(word))]
        names = sorted({name for word in wanted for name in _names(word)})
        found = {machine.pk: machine for machine in [*_each("pk", ids), *_each("uuid", uuids), *_each("name", names)]}
        by_uuid: defaultdict[UUID, list[Machine]] = defaultdict(list)
        by_name: defaultdict[str, list[Machine]] = defaultdict(list)
        for machine in found.values():
            by_uuid[machine.uuid].append(machine)
            by_name[machine.name].append(machine)
        return cls(found, by_uuid, by_name)

    def called(self, word: str) -> Machine:
        """Raises Invalid where there is none, and Unclear where there are several."""
        meant = {machine.pk: machine for machine in self._meant(word)}
        # What has gone is meant only where nothing else is.
        there = [machine for machine in meant.values() if machine.stage in LIVE] or [*meant.values()]
        if not there:
            raise Invalid(_("No machine is called %(name)s.") % {"name": word[:80]}, field="machine")
        if len(there) > 1:
            which = ", ".join(f"{machine.endpoint}/{machine.name} (#{machine.pk})" for machine in there[:NAMED])
            sentence = _("%(n)s machines are called that: %(which)s. Write the number, with its #.")
            raise Unclear(sentence % {"n": len(there), "which": which}, field="machine")
        return there[0]

    def _meant(self, word: str) -> Iterator[Machine]:
        called = self.by_name.get(word, [])
        if not called and (number := _number(word)) and (machine := self.by_id.get(number)):
            yield machine
        if found := _uuid(word):
            yield from self.by_uuid.get(found, ())
        yield from called
        for endpoint, name in _splits(word):
            yield from (machine for machine in self.by_name.get(name, ()) if machine.endpoint.name == endpoint)


@dataclass(frozen=True)
class Holders:
    """Everybody, and every team, by what people call them."""

    people: dict[str, list[User]]
    exact: dict[str, User]
    teams: dict[str, Team]

    @classmethod
    def load(cls) -> Holders:
        people: defaultdict[str, list[User]] = defaultdict(list)
        exact = {}
        for person in User.objects.select_related("team__cost_centre", "cost_centre"):
            exact[person.username] = person
            for word in {person.username, person.email, person.get_full_name()} - {""}:
                people[word.casefold()].append(person)
        teams = {team.name.casefold(): team for team in Team.objects.select_related("cost_centre")}
        return cls(people, exact, teams)

    def called(self, word: str, team: str = "") -> User | Team:
        """Raises Invalid where there is nobody, and Unclear where there are several."""
        if word and team:
            raise Invalid(_("It names a person and a team. Choose one."), field="holder")
        if not word and not team:
            raise Invalid(_("It names nobody: a person or a team."), field="holder")
        if person := self.exact.get(word):
            return person
        people = self.people.get(word.casefold(), []) if word else []
        if len(people) > 1:
            sentence = _("%(n)s people are called %(name)s. Write the user name.")
            raise Unclear(sentence % {"n": len(people), "name": word[:80]}, field="holder")
        if people:
            return people[0]
        if found := self.teams.get((team or word).casefold()):
            return found
        raise Invalid(_("Nobody here is called %(name)s.") % {"name": (team or word)[:80]}, field="holder")


def _number(word: str) -> int | None:
    """Ours, as in the machine's address: #123, or 123 where no machine is called that."""
    word = word.removeprefix("#")
    return int(word) if word.isascii() and word.isdigit() and len(word) < 16 else None


def _uuid(word: str) -> UUID | None:
    try:
        return UUID(word)
    except ValueError:
        return None


def _splits(word: str) -> Iterator[tuple[str, str]]:
    """endpoint/name, wherever the names themselves have slashes."""
    parts = word.split("/")
    for place in range(1, len(parts)):
        yield "/".join(parts[:place]).strip(), "/".join(parts[place:]).strip()


def _names(word: str) -> list[str]:
    return [word, *(name for _endpoint, name in _splits(word))]


def _each(column: str, values: Sequence[object]) -> Iterator[Machine]:
    for start in range(0, len(values), CHUNK):
        found: QuerySet[Machine] = Machine.objects.filter(**{f"{column}__in": values[start : start + CHUNK]})
        # What is shown and asked of a machine here, without its notes and labels.
        yield from found.select_related("endpoint", "holder", "team").defer("note", "labels").order_by("pk")
