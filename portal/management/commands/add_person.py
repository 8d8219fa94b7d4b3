"""Adds somebody who may sign in, with team and cost centre if they are new: the first administrator begins here."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from lifecycle.audit.actions import HOUSE
from lifecycle.errors import DomainError
from lifecycle.models import CostCentre, Team, User
from lifecycle.people.actions import add_person


class Command(BaseCommand):
    help = "Adds a person. The password is asked for, or read from standard input."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", required=True, help="First and last name.")
        parser.add_argument("--email", required=True)
        parser.add_argument("--admin", action="store_true")
        parser.add_argument("--supervisor", help="User name of whoever decides on their requests.")
        parser.add_argument("--cost-centre", help="Code; made when it is new.")
        parser.add_argument("--team", help="Name; made when it is new, with this cost centre.")
        parser.add_argument("--zone", default="", help="Time zone, such as Europe/Berlin.")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        centre, team = self.places(options["cost_centre"], options["team"])
        try:
            person = add_person(
                options["username"],
                name=options["name"],
                email=options["email"],
                role=User.Role.ADMIN if options["admin"] else User.Role.EMPLOYEE,
                supervisor=self.supervisor(options["supervisor"]),
                team=team,
                cost_centre=centre,
                zone=options["zone"],
                password=password(),
                by=HOUSE,
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{person} may sign in as {person.username}.")

    def places(self, code: str | None, name: str | None) -> tuple[CostCentre | None, Team | None]:
        centre = CostCentre.objects.get_or_create(code=code, defaults={"name": name or code})[0] if code else None
        if not name:
            return centre, None
        team = Team.objects.filter(name=name).first()
        if team is None:
            if centre is None:
                raise CommandError(f"The team {name} is new: name its cost centre with --cost-centre.")
            team = Team.objects.create(name=name, cost_centre=centre)
        return centre, team

    def supervisor(self, username: str | None) -> User | None:
        if not username:
            return None
        found = User.objects.filter(username=username).first()
        if found is None:
            raise CommandError(f"There is nobody called {username}.")
        return found


def password() -> str:
    return getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
