"""The list of machines: filters from the address, one page of rows, next date first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lifecycle import clock
from lifecycle.estate.models import Machine, Stage
from lifecycle.estate.queries import machine_list
from lifecycle.people.models import User
from portal.paging import page
from portal.web.rows import rows_of

STAGES: dict[str, tuple[str | Promise, tuple[Stage, ...]]] = {
    "active": (_("Active"), (Stage.ACTIVE,)),
    "building": (_("Building"), (Stage.BUILDING,)),
    "ended": (_("Stopped"), (Stage.EXPIRED, Stage.QUARANTINED, Stage.REMOVING)),
    "removed": (_("Removed"), (Stage.REMOVED,)),
}
WHOSE: dict[str, str | Promise] = {"mine": _("Mine"), "team": _("My team")}
KEY = ("next_at", "id")
SHOWN = ("lease", "holder", "team")


def context(user: User, chosen: Mapping[str, str]) -> dict[str, Any]:
    stage, whose, q = chosen.get("stage", ""), chosen.get("whose", ""), chosen.get("q", "").strip()[:200]
    stages = STAGES[stage][1] if stage in STAGES else None
    machines = machine_list(user, q=q, stage=stages, mine=whose == "mine")
    if whose == "team":
        machines = machines.filter(team=user.team_id) if user.team_id else machines.none()
    found = page(machines, key=KEY, position=chosen.get("page", ""), shown=Machine.objects.select_related(*SHOWN))
    return {
        "page": found,
        "rows": rows_of(found.rows, now=clock.now()),
        "stages": {key: words for key, (words, _stages) in STAGES.items()},
        "whose_words": WHOSE,
        "stage": stage if stage in STAGES else "",
        "whose": whose if whose in WHOSE else "",
        "q": q,
        "filtered": bool(q or stage or whose),
    }
