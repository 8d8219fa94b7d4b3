"""An earlier request as the beginning of a new one: everything can be changed, and the price is that of the day."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from lifecycle.people.models import User
from lifecycle.requests.models import Request
from lifecycle.requests.queries import requests_of
from portal.web.drafts import Draft
from portal.web.forms.orders import MINE, TEAM


@dataclass(frozen=True)
class Again:
    request: Request
    by: User

    @property
    def chosen(self) -> dict[str, str]:
        """As it was asked for, by the names of the form."""
        earlier = self.request
        return {
            "blueprint": str(earlier.blueprint_id),
            "size": str(earlier.size_id),
            "name": earlier.name,
            "purpose": earlier.purpose,
            "holder": TEAM if self._for_our_team else MINE,
            "last_day": str(earlier.last_day),
            "hostname": earlier.hostname if earlier.hostname != earlier.name else "",
        }

    def changes(self, draft: Draft) -> Iterator[str]:
        """What of it cannot be had any more."""
        earlier = self.request
        if earlier.blueprint_id not in {blueprint.pk for blueprint in draft.blueprints}:
            yield _("%(blueprint)s is not offered any more. Choose another.") % {"blueprint": earlier.blueprint}
        elif earlier.size_id != draft.size.pk:
            yield _("%(size)s is not offered any more. Choose another size.") % {"size": earlier.size}
        if draft.last_day != earlier.last_day:
            yield _("Its last day cannot be had any more. Another one is filled in.")
        if earlier.user_data_lines and draft.seeded:
            yield _("Its user data is known to nobody any more. Give it again, if it is to have some.")
        if earlier.team_id and not self._for_our_team:
            yield _("It was for the team %(team)s, which is not yours: you would hold it.") % {"team": earlier.team}

    @property
    def _for_our_team(self) -> bool:
        return self.request.team_id is not None and self.request.team_id == self.by.team_id


def again(by: User, asked: str) -> Again | None:
    """What this person may not see is as if it were not there."""
    if not re.fullmatch("[0-9]{1,18}", asked):
        return None
    earlier = requests_of(by).filter(pk=int(asked)).first()
    return Again(earlier, by) if earlier else None
