"""Who may change what can be ordered, and who sees what no longer can."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from lifecycle.people.permissions import Verb, runs_the_house, sees_all

CHANGE_CATALOGUE: Verb[object] = Verb(
    _("add and change blueprints and sizes"), runs_the_house, _("Only administrators change the catalogue.")
)
SEE_RETIRED: Verb[object] = Verb(
    _("see blueprints that are no longer offered"),
    sees_all,
    _("Only administrators and auditors see what is not offered."),
    changes=False,
)
