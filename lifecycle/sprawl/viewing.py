"""Who opens the overview, and who keeps views of it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from lifecycle.people.models import User
from lifecycle.people.permissions import Verb, anybody, runs_the_house, sees_all
from lifecycle.sprawl.models import SavedView


def _sees_a_line(user: User, subject: object) -> bool:
    return sees_all(user) or user.decides


def _theirs_or_the_house(user: User, view: SavedView) -> bool:
    return view.person_id == user.pk or runs_the_house(user)


SEE_OVERVIEW: Verb[object] = Verb(
    _("open the sprawl overview: of the house, or of one's own line"),
    _sees_a_line,
    _("The overview is for administrators, auditors and whoever supervises somebody. Your findings are in their list."),
    changes=False,
)
KEEP_VIEW: Verb[object] = Verb(_("keep filters under a name, for oneself or for everybody"), anybody, "")
DROP_VIEW: Verb[SavedView] = Verb(_("delete a saved view"), _theirs_or_the_house, _("Somebody else saved this view."))
