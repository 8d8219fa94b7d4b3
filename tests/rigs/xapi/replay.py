"""Whether an answer is alike another one from a different pool: refs, uuids and dates are matched on the way."""

from __future__ import annotations

import re
from typing import Any
from xmlrpc.client import DateTime

REF = re.compile(r"OpaqueRef:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
TOKEN = re.compile(r"[0-9]{20},[0-9]{20}")
PAIR = re.compile(r"[0-9]{10,19}:[0-9]{10,19}")
TRACK = re.compile(r"trackid=[0-9a-f]{32}")
RANDOM = (REF, UUID, MAC, TOKEN, PAIR, TRACK)
DATE = "__dateTime.iso8601__"
EPOCH = "19700101T00:00:00Z"
UNORDERED = {"allowed_operations", "capabilities"}


class Differs(AssertionError):
    pass


class Matching:
    """What is called what here and there: one name for one name. `varies` names paths whose values may differ."""

    def __init__(self) -> None:
        self.ours: dict[str, str] = {}
        self.theirs: dict[str, str] = {}

    def learn(self, there: str, here: str) -> None:
        if self.ours.setdefault(there, here) != here or self.theirs.setdefault(here, there) != there:
            raise Differs(f"{there} is {self.ours[there]} here, not {here}")
        for name, other in zip(UUID.findall(there), UUID.findall(here), strict=True):
            self.ours.setdefault(name, other)

    def translated(self, value: Any) -> Any:
        """What was asked there, in the names of here."""
        match value:
            case str():
                for pattern in (REF, UUID):
                    value = pattern.sub(lambda match: self.ours.get(match[0], match[0]), value)
                return value
            case list():
                return [self.translated(item) for item in value]
            case dict():
                return {self.translated(key): self.translated(item) for key, item in value.items()}
        return value

    def compare(self, there: Any, here: Any, varies: frozenset[str] = frozenset(), path: str = "") -> None:
        if isinstance(there, dict) and DATE in there:
            self._compare_dates(there[DATE], here, path)
        elif path in varies:
            same_kind(there, here, path)
        elif isinstance(there, dict):
            self._compare_structs(there, here, varies, path)
        elif isinstance(there, list):
            self._compare_lists(there, here, varies, path)
        elif isinstance(there, str):
            self._compare_texts(there, here, path)
        elif type(there) is not type(here) or there != here:
            raise Differs(f"{path}: {there!r} there, {here!r} here")

    def _compare_dates(self, there: str, here: Any, path: str) -> None:
        if not isinstance(here, DateTime) or (there == EPOCH) != (here.value == EPOCH):
            raise Differs(f"{path}: {there!r} there, {here!r} here")

    def _compare_structs(self, there: dict[str, Any], here: Any, varies: frozenset[str], path: str) -> None:
        same_kind(there, here, path)
        plain = {UUID.sub("*", key): key for key in here}
        keys = [(key, key if key in here else plain.get(UUID.sub("*", key), key)) for key in there]
        if there and all(REF.fullmatch(key) for key in there):
            keys = self._paired(there, here, path)
        if {here_key for _, here_key in keys} != set(here):
            raise Differs(f"{path}: {sorted(there)} there, {sorted(here)} here")
        for there_key, here_key in keys:
            name = "*" if REF.fullmatch(there_key) else there_key
            self.compare(there[there_key], here[here_key], varies, f"{path}.{name}".lstrip("."))

    def _paired(self, there: dict[str, Any], here: dict[str, Any], path: str) -> list[tuple[str, str]]:
        """Which of their objects is which of ours: known already, the only one, or the one of the same name."""
        found = []
        for ref, value in there.items():
            named = [key for key, other in here.items() if _name(other) == _name(value)]
            key = self.ours.get(ref) or (named[0] if len(named) == 1 else "")
            if key not in here:
                raise Differs(f"{path}: nothing here is {ref}")
            self.learn(ref, key)
            found.append((ref, key))
        return found

    def _compare_lists(self, there: list[Any], here: Any, varies: frozenset[str], path: str) -> None:
        same_kind(there, here, path)
        if path.rpartition(".")[2] in UNORDERED:
            there, here = sorted(there), sorted(here)
        if len(there) != len(here):
            raise Differs(f"{path}: {there} there, {here} here")
        for number, (one, other) in enumerate(zip(there, here, strict=True)):
            self.compare(one, other, varies, f"{path}.{number}".lstrip("."))

    def _compare_texts(self, there: str, here: Any, path: str) -> None:
        same_kind(there, here, path)
        for pattern in RANDOM:
            if pattern.fullmatch(there) and pattern.fullmatch(here):
                if pattern in {REF, UUID}:
                    self.learn(there, here)
                return
        if REF.sub("*", there) == REF.sub("*", here) and REF.search(there):
            for one, other in zip(REF.findall(there), REF.findall(here), strict=True):
                self.learn(one, other)
            return
        if self.translated(there) != here:
            raise Differs(f"{path}: {there!r} there, {here!r} here")


def _name(value: Any) -> str:
    return str(value.get("name_label", "")) if isinstance(value, dict) else ""


def same_kind(there: Any, here: Any, path: str) -> None:
    if type(there) is not type(here):
        raise Differs(f"{path}: {type(there).__name__} there, {type(here).__name__} here")
