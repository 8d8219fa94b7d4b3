"""One cell of a list of people: what it means, or the sentence that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from django.utils.translation import gettext as _

from lifecycle.errors import Invalid
from lifecycle.people.imports.world import World
from lifecycle.people.models import CostCentre, Team, User

DAYS = ("%Y-%m-%d", "%d.%m.%Y", "%d %b %Y", "%d %B %Y")
YEARS = range(1970, 9000)
ROLES = {word.casefold(): role.value for role in User.Role for word in (role.value, str(role.label))}


def role(text: str) -> str:
    try:
        return ROLES[text.casefold()]
    except KeyError:
        words = {"role": text[:40], "roles": ", ".join(User.Role.values)}
        raise Invalid(_("%(role)s is no role. The roles are %(roles)s.") % words) from None


def day(text: str) -> str:
    """As 2026-12-31; empty for nobody's last day."""
    for form in DAYS if text else ():
        try:
            found = datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
        if found.year in YEARS:
            return found.isoformat()
    if text:
        raise Invalid(_("%(text)s is not a day. Write it as 2026-12-31.") % {"text": text[:40]})
    return ""


def zone(text: str, world: World) -> str:
    if text not in world.zones:
        raise Invalid(_("%(zone)s is not a time zone.") % {"zone": text[:60]})
    return text


def supervisor(text: str, world: World, also: Collection[str]) -> str:
    """`also` are user names of the list itself: whoever supervises may stand further down."""
    if not text or text in world.people or text in also:
        return text
    if known := world.names.get(text.casefold()):
        raise Invalid(_("There is nobody called %(name)s, but %(known)s.") % {"name": text, "known": known})
    raise Invalid(_("There is nobody called %(name)s to supervise them.") % {"name": text[:80]})


def team(text: str, world: World) -> str:
    return _named(text, world.teams, Team, "name")


def cost_centre(text: str, world: World) -> str:
    return _named(text, world.centres, CostCentre, "code")


def _named(text: str, known: Collection[str], model: type[Team] | type[CostCentre], column: str) -> str:
    """One that is there, or one that could be made."""
    if not text or text in known:
        return text
    if alike := next((name for name in known if name.casefold() == text.casefold()), ""):
        raise Invalid(_("Write it as %(alike)s, not as %(text)s.") % {"alike": alike, "text": text})
    longest = getattr(model._meta.get_field(column), "max_length", None) or 0
    if len(text) > longest:
        raise Invalid(_("%(text)s… is too long: at most %(n)s signs.") % {"text": text[:30], "n": longest})
    return text


def meaning(column: str, text: str, world: World, also: Collection[str]) -> str:
    """Raises Invalid with a sentence. Names and mail addresses are checked with the whole person."""
    readers: dict[str, Callable[[], str]] = {
        "role": lambda: role(text),
        "left_on": lambda: day(text),
        "zone": lambda: zone(text, world),
        "supervisor": lambda: supervisor(text, world, also),
        "team": lambda: team(text, world),
        "cost_centre": lambda: cost_centre(text, world),
    }
    return readers[column]() if column in readers else text
