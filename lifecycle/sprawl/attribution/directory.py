"""Everybody by what text may call them: built once for a whole pass, three queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from lifecycle import clock
from lifecycle.estate.models import Endpoint
from lifecycle.people.models import Team, User
from lifecycle.sprawl.attribution.words import MOST_TOGETHER, Words, addresses, runs, spellings, words

SERVICES = frozenset({
    "root", "admin", "administrator", "administrators", "system", "user", "guest", "nobody", "daemon", "service",
    "vpxd", "vpxuser", "dcui", "vsphere", "vcenter", "vmware", "xenserver", "xapi", "libvirt", "qemu", "kvm", "pool",
    "nt authority", "backup", "ansible", "terraform", "jenkins", "puppet", "veeam", "nagios", "zabbix",
})  # fmt: skip
"""Accounts that stand for no person, whoever is called so here."""
BEGINNINGS = ("svc-", "svc_", "srv-", "vpxd-", "vpxd_", "vsphere-", "vcls", "com.vmware.", "machine-", "hostd-")
COMMON = frozenset({
    "app", "api", "backup", "base", "box", "build", "centos", "client", "clone", "cluster", "com", "copy", "data",
    "database", "debian", "demo", "desktop", "dev", "disk", "dns", "do", "docker", "file", "final", "gateway", "golden",
    "home", "host", "image", "int", "jump", "lab", "lan", "legacy", "linux", "live", "local", "log", "mail", "main",
    "master", "monitoring", "net", "network", "new", "node", "not", "office", "old", "ops", "org", "pc", "prod",
    "production", "proxy", "report", "restore", "sandbox", "sql", "server", "shop", "site", "stage", "staging",
    "storage", "sys", "team", "temp", "template", "test", "tmp", "tools", "training", "ubuntu", "vm", "web", "win",
    "windows", "work", "worker",
}) | SERVICES  # fmt: skip
"""Words that machines are called and people rarely: alone they name nobody."""
SHORTEST = 3
"""Signs of a word that may name somebody alone."""


class Party(NamedTuple):
    """A person or a team."""

    kind: str
    pk: int


class Named(NamedTuple):
    """Who a text names, by what of it, and how: account, name, surname or team."""

    party: Party
    how: str
    said: str


@dataclass(slots=True)
class Person:
    name: str
    here: bool
    above: int | None
    team: int | None


@dataclass
class Directory:
    """A word or an account that could be two people names neither."""

    people: dict[int, Person] = field(default_factory=dict)
    teams: dict[int, str] = field(default_factory=dict)
    accounts: dict[str, int | None] = field(default_factory=dict)
    mails: dict[str, int | None] = field(default_factory=dict)
    called: dict[Words, tuple[Party, str] | None] = field(default_factory=dict)
    starts: frozenset[str] = frozenset()
    """The first words of all names."""
    centres: dict[str, int | None] = field(default_factory=dict)
    """Code of a cost centre -> the one team that it pays for."""
    ours: frozenset[str] = frozenset()
    """Accounts by which we look at hypervisors ourselves."""

    @classmethod
    def load(cls) -> Directory:
        found, today = cls(), clock.now().date()
        columns = ("pk", "username", "first_name", "last_name", "email", "is_active", "left_on", "supervisor", "team")
        rows = list(User.objects.order_by("pk").values_list(*columns))
        for pk, username, first, last, _mail, is_active, left_on, above, team in rows:
            here = is_active and (left_on is None or left_on >= today)
            found.people[pk] = Person(f"{first} {last}".strip() or username, here, above, team)
        teams = list(Team.objects.order_by("pk").values_list("pk", "name", "cost_centre__code"))
        found.teams = {pk: name for pk, name, _code in teams}
        found.accounts = _one_each((row[1].casefold(), row[0]) for row in rows)
        found.mails = _one_each((row[4].casefold(), row[0]) for row in rows if row[4])
        found.centres = _one_each((code.casefold(), pk) for pk, _name, code in teams)
        found.called = _one_party([*_names_of_people(rows), *_names_of_teams(found.teams)])
        found.starts = frozenset(name[0] for name in found.called)
        endpoints = Endpoint.objects.exclude(username="").order_by().values_list("username", flat=True)
        found.ours = frozenset(bare_account(name) for name in endpoints)
        return found

    def account(self, text: str) -> Party | None:
        r"""The person behind an account, as hypervisors write them: kim, CORP\kim, kim@corp.local, or an address."""
        whole, bare = text[:255].strip().casefold(), bare_account(text)
        if is_service(whole) or is_service(bare) or bare in self.ours:
            return None
        pk = self.mails[whole] if whole in self.mails else self.accounts.get(bare)
        return None if pk is None else Party("person", pk)

    def named_in(self, text: str) -> Iterator[Named]:
        """Everybody whom a text names, each way that it does. A longer name hides the words that it is made of."""
        for address in addresses(text):
            if (pk := self.mails.get(address)) is not None:
                yield Named(Party("person", pk), "account", address)
        said, after = words(text), 0
        for place, run in runs(said, self.starts):
            if place < after or run not in self.called:
                continue
            after = place + len(run)
            if found := self.called[run]:
                yield Named(found[0], found[1], " ".join(run))

    def owner(self, text: str) -> Party | None:
        """The one that a text means as a whole: an account, an address, a full name, or a team."""
        if found := self.account(text):
            return found
        named = {each.party for each in self.named_in(text) if each.how != "surname"}
        return named.pop() if len(named) == 1 else None

    def stand_in(self, party: Party) -> tuple[Party, str] | None:
        """Somebody who is there: they themselves, or whoever they reported to. With the name of whoever has left."""
        if party.kind == "team":
            return (party, "") if party.pk in self.teams else None
        gone, seen, pk = "", set[int](), party.pk
        while (person := self.people.get(pk)) is not None and pk not in seen:
            if person.here:
                return Party("person", pk), gone
            gone = gone or person.name
            seen.add(pk)
            if person.above is None:
                return None
            pk = person.above
        return None


def bare_account(text: str) -> str:
    name = text[:255].strip().casefold()
    if "\\" in name:
        return name.rpartition("\\")[2]
    return name.partition("@")[0]


@lru_cache(maxsize=1024)
def is_service(account: str) -> bool:
    name = bare_account(account)
    return not name or name in SERVICES or name.startswith(BEGINNINGS) or account.startswith("nt authority")


def _names_of_people(rows: list[Any]) -> Iterator[tuple[Words, Party, str]]:
    for pk, username, first, last, *_rest in rows:
        party = Party("person", pk)
        if is_service(username.casefold()):
            continue
        yield from ((each, party, "account") for each in spellings(username) if _tells(each))
        for given in spellings(first):
            for family in spellings(last):
                yield (*given, *family), party, "name"
                yield (*family, *given), party, "name"
        yield from ((each, party, "surname") for each in spellings(last) if _tells(each))


def _names_of_teams(teams: dict[int, str]) -> Iterator[tuple[Words, Party, str]]:
    for pk, name in teams.items():
        for each in spellings(name):
            bare = each[1:] if each[0] == "team" and len(each) > 1 else each
            for spelt in {each, bare, ("".join(bare),)}:
                if _tells(spelt):
                    yield spelt, Party("team", pk), "team"


def _tells(name: Words) -> bool:
    """Not what every second machine is called."""
    return len(name) > 1 or (len(name[0]) >= SHORTEST and name[0] not in COMMON and not name[0].isdigit())


def _one_each(pairs: Iterable[tuple[str, int]]) -> dict[str, int | None]:
    """Key -> the one that it means; None where it could mean several."""
    found: dict[str, int | None] = {}
    for key, pk in pairs:
        found[key] = pk if found.get(key, pk) == pk else None
    return found


def _one_party(named: Iterable[tuple[Words, Party, str]]) -> dict[Words, tuple[Party, str] | None]:
    """The same for names. Of one person the weightier way counts: an account before a surname."""
    parties: defaultdict[Words, dict[Party, str]] = defaultdict(dict)
    for name, party, how in named:
        parties[name[:MOST_TOGETHER]].setdefault(party, how)
    return {name: next(iter(who.items())) if len(who) == 1 else None for name, who in parties.items()}
