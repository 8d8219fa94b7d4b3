"""Who may steer the work on hypervisors."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from lifecycle.people.permissions import Verb, runs_the_house

RUN_OPERATIONS: Verb[object] = Verb(
    _("pause everything, let work pass a brake, have it tried again, cancel it, and resolve it by hand"),
    runs_the_house,
    _("Only administrators steer the work on hypervisors."),
)
