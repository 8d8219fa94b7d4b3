"""What people wrote: the note, the machine's name, what it calls itself inside, and the folder it was filed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from lifecycle.sprawl.attribution.ground import Facts, Found, Ground

# The beginning of the keys -> the text.
TEXTS: dict[str, Callable[[Facts], str]] = {
    "note": lambda machine: machine.note,
    "name": lambda machine: machine.name,
    "guest": lambda machine: machine.guest_name,
    "folder": lambda machine: machine.folder,
}


def collect(machines: Sequence[Facts], ground: Ground) -> Iterator[Found]:
    for machine in machines:
        for where, text_of in TEXTS.items():
            if text := text_of(machine):
                yield from _named(machine, where, text, ground)


def _named(machine: Facts, where: str, text: str, ground: Ground) -> Iterator[Found]:
    for named in ground.known.named_in(text):
        how = named.how if named.how != "name" or where == "note" else "account"
        yield Found(machine.pk, f"{where}_{how}", text, named.party, detail={"said": named.said})
