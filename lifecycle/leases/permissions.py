"""Who may do what with leases, beyond what goes with managing the machine."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from lifecycle.people.permissions import Verb, runs_the_house

ASSIGN_HOLDER: Verb[object] = Verb(
    _("give a found machine a holder"), runs_the_house, _("Only administrators may assign a holder.")
)
HOLD: Verb[object] = Verb(
    _("put a machine on hold, and release it"),
    runs_the_house,
    _("Only administrators may hold a machine, and release it again."),
)
RESTORE_AGAIN: Verb[object] = Verb(
    _("restore a machine past its longest lease a second time"),
    runs_the_house,
    _("Its longest lease is used up and it was restored once already. Ask an administrator."),
)
