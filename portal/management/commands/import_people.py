"""Reads a list of people: without --apply it only says what it would do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from lifecycle.audit.actions import HOUSE
from lifecycle.errors import DomainError
from lifecycle.people.imports import try_import
from lifecycle.people.imports.rows import Outcome, Plan, plan_of
from lifecycle.requests.leavers import apply_people


class Command(BaseCommand):
    help = "Tries a CSV list of people, row by row; with --apply what it would do is done."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--apply", action="store_true")
        parser.add_argument("--make-new", action="store_true", help="Make teams and cost centres that are new.")

    def handle(self, *args: Any, file: Path, apply: bool, make_new: bool, **options: Any) -> None:
        try:
            kept = try_import(file.read_bytes(), file_name=file.name, by=HOUSE)
            plan = plan_of(kept)
            if apply:
                teams = [new.name for new in plan.teams] if make_new else []
                centres = [new.name for new in plan.centres] if make_new else []
                plan = plan_of(apply_people(kept, by=HOUSE, teams=teams, cost_centres=centres))
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        except DomainError as error:
            raise CommandError(error.message) from error
        self.tell(plan, applied=apply)

    def tell(self, plan: Plan, *, applied: bool) -> None:
        if plan.unknown:
            self.stdout.write(f"Columns passed over: {', '.join(plan.unknown)}")
        for kind, news in (("cost centre", plan.centres), ("team", plan.teams)):
            for new in news:
                self.stdout.write(f"New {kind}: {new.name}" + (" (made)" if new.made else ""))
        for row in plan.rows:
            if row.outcome != Outcome.UNCHANGED:
                changes = [f"{name} {row.before.get(name, '')} -> {text}" for name, text in row.after.items() if text]
                words = " ".join(row.problems) or "; ".join(changes)
                self.stdout.write(f"{row.number:>6} {row.username:<20} {row.outcome:<9} {words}")
        counts = ", ".join(f"{plan.count(each)} {each}" for each in Outcome)
        self.stdout.write(f"{counts}. " + ("Applied." if applied else "Nothing was written; use --apply."))
