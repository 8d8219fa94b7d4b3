"""The dry run: what a list of people would do. Nothing is written but the list itself and what was found."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.audit.actions import Actor
from lifecycle.errors import Conflict
from lifecycle.people.imports.planning import plan
from lifecycle.people.imports.reading import read
from lifecycle.people.imports.rows import plan_of
from lifecycle.people.imports.world import World
from lifecycle.people.models import PeopleImport, User
from lifecycle.people.permissions import MANAGE_PEOPLE, require


def try_import(data: bytes, *, file_name: str, by: Actor) -> PeopleImport:
    """Raises Invalid for the field `file` when the file as a whole cannot be read."""
    require(by, MANAGE_PEOPLE)
    sheet = read(data)
    found = plan(sheet.rows, World.load(), by=by)
    found.unknown = sheet.unknown
    name = "".join(sign for sign in file_name if sign.isprintable()).strip()[-200:]
    return PeopleImport.objects.create(
        file_name=name or _("without a name"),
        at=clock.now(),
        by=by if isinstance(by, User) else None,
        rows=found.stored(),
    )


@transaction.atomic
def look_again(kept: PeopleImport, *, by: Actor) -> PeopleImport:
    """The dry run once more, with the same list and the people as they are now."""
    require(by, MANAGE_PEOPLE)
    kept = PeopleImport.objects.select_for_update(of=("self",)).get(pk=kept.pk)
    if kept.state != PeopleImport.State.TRIED:
        raise Conflict(_("This list was %(state)s already.") % {"state": kept.get_state_display()})
    before = plan_of(kept)
    found = plan([row.given for row in before.rows], World.load(), by=by)
    found.unknown = before.unknown
    kept.rows, kept.at = found.stored(), clock.now()
    kept.save(update_fields=["rows", "at"])
    return kept
