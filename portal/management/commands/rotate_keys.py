"""Encrypts all stored secrets with the first of SECRETS_KEYS, so that the older keys can go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from lifecycle.estate.rotation import Found, rotate, survey


class Command(BaseCommand):
    help = "Encrypts all stored secrets with the first of SECRETS_KEYS. Can be interrupted and run again."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--check", action="store_true", help="only say which key each secret uses")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        if check:
            self.say(survey())
        else:
            counts: Counter[str] = Counter(_state(each.key) for each in self.readable(rotate()))
            self.stdout.write(f"{counts['older']} encrypted anew, {counts['first']} used the first key already.")
            self.refuse(counts["lost"])

    def say(self, secrets: Iterable[Found]) -> None:
        counts: Counter[str] = Counter()
        for each in self.readable(secrets):
            if each.key:
                self.stdout.write(f"{each}: key {each.key} of {len(settings.SECRETS_KEYS)}")
            counts[_state(each.key)] += 1
        self.refuse(counts["lost"])
        if counts["older"]:
            self.stdout.write(f"{counts['older']} still need an older key: run rotate_keys before you drop it.")
        else:
            self.stdout.write("No secret needs another key than the first.")

    def readable(self, secrets: Iterable[Found]) -> Iterable[Found]:
        for each in secrets:
            if each.key is None:
                self.stderr.write(f"{each}: cannot be read with any of SECRETS_KEYS")
            yield each

    def refuse(self, lost: int) -> None:
        if lost:
            raise CommandError(
                f"{lost} cannot be read. Add the key that they were encrypted with, or give these secrets again."
            )


def _state(key: int | None) -> str:
    return "lost" if key is None else "first" if key == 1 else "older"
