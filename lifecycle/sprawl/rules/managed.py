"""Marking what something else manages, so that it is never flagged: by rule, and the portal's own machine."""

from __future__ import annotations

from collections import defaultdict

from django.conf import settings
from django.db import transaction

from lifecycle.estate.models import Machine, Stage
from lifecycle.sprawl.models import EstateRule
from lifecycle.sprawl.rules.matching import fitting

CHUNK = 1000
OURSELVES = "Leasehold"


@transaction.atomic
def mark_managed() -> int:
    """Writes what rules in force say onto machines that nobody holds, and clears the rest. How many changed."""
    managing = EstateRule.objects.filter(enabled=True, effect=EstateRule.Effect.MANAGED).order_by("name")
    found = Machine.objects.filter(stage=Stage.DISCOVERED)
    wanted = {pk: rule.managed_by for pk, rule in fitting(managing, found)}
    # Nothing on a machine is asked whether it is ours: anybody could say so of theirs.
    wanted |= dict.fromkeys(found.filter(uuid__in=settings.OWN_MACHINES).values_list("pk", flat=True), OURSELVES)
    marked = dict(Machine.objects.exclude(managed_rule="").order_by().values_list("pk", "managed_rule"))
    changed: defaultdict[str, list[int]] = defaultdict(list)
    for pk in wanted.keys() | marked.keys():
        if (now := wanted.get(pk, "")) != marked.get(pk, ""):
            changed[now].append(pk)
    for words, pks in changed.items():
        for start in range(0, len(pks), CHUNK):
            Machine.objects.filter(pk__in=pks[start : start + CHUNK]).update(managed_rule=words)
    return sum(map(len, changed.values()))
