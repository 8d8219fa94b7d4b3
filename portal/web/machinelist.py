"""The list of machines: filters from the address, one page of rows, next date first."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lifecycle import clock
from lifecycle.estate.models import Machine, Stage
from lifecycle.estate.queries import machine_list
from lifecycle.people.models import User
from lifecycle.sprawl.overview import machines_of
from lifecycle.sprawl.subjects import MANAGED
from portal.paging import page
from portal.web.findingrows import chips_of
from portal.web.forms_house.findings import PlaceFilter
from portal.web.rows import rows_of

STAGES: dict[str, tuple[str | Promise, tuple[Stage, ...]]] = {
    "active": (_("Active"), (Stage.ACTIVE,)),
    "building": (_("Building"), (Stage.BUILDING,)),
    "ended": (_("Stopped"), (Stage.EXPIRED, Stage.QUARANTINED, Stage.REMOVING)),
    "removed": (_("Removed"), (Stage.REMOVED,)),
}
WHOSE: dict[str, str | Promise] = {"mine": _("Mine"), "team": _("My team")}
HELD: dict[str, tuple[str | Promise, Q]] = {
    "yes": (_("With a holder"), ~Q(stage=Stage.DISCOVERED)),
    "no": (_("Without a holder"), Q(stage=Stage.DISCOVERED)),
    "managed": (_("Managed by others"), MANAGED),
}
PLACES = ("endpoint", "pool", "team")
KEY = ("next_at", "id")
SHOWN = ("lease", "holder", "team")


def context(user: User, chosen: QueryDict) -> dict[str, Any]:
    stage, whose, q = chosen.get("stage", ""), chosen.get("whose", ""), chosen.get("q", "").strip()[:200]
    stages = STAGES[stage][1] if stage in STAGES else None
    machines = machine_list(user, q=q, stage=stages, mine=whose == "mine")
    if whose == "team":
        machines = machines.filter(team=user.team_id) if user.team_id else machines.none()
    # Who may choose places is asked only where one is chosen.
    place = PlaceFilter(chosen, by=user) if any(chosen.get(name) for name in PLACES) else None
    held = chosen.get("held", "") if chosen.get("held", "") in HELD else ""
    if place:
        machines = machines_of(machines, place.wanted)
    if held:
        machines = machines.filter(HELD[held][1])
    found = page(machines, key=KEY, position=chosen.get("page", ""), shown=Machine.objects.select_related(*SHOWN))
    return {
        "page": found,
        "rows": rows_of(found.rows, now=clock.now()),
        "stages": {key: words for key, (words, _stages) in STAGES.items()},
        "whose_words": WHOSE,
        "stage": stage if stage in STAGES else "",
        "whose": whose if whose in WHOSE else "",
        "q": q,
        "held": held,
        "held_words": HELD[held][0] if held else "",
        "chips": list(chips_of(place, chosen)) if place else [],
        "filtered": bool(q or stage or whose or held or place),
    }
