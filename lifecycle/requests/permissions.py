"""Who may ask, decide and withdraw."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.people.models import User
from lifecycle.people.permissions import Verb, anybody, runs_the_house
from lifecycle.requests.models import Request


def _is_own(user: User, request: Request) -> bool:
    return user.pk in (request.requester_id, request.holder_id)


def _decides(user: User, request: Request) -> bool:
    """Nobody decides on their own request, whatever their role."""
    if _is_own(user, request) or (step := request.last_step) is None:
        return False
    return step.approver_id == user.pk or runs_the_house(user)


def _why_not_decide(user: User, request: Request) -> str:
    if _is_own(user, request):
        return _("Nobody decides on their own request.")
    return _("This request waits for somebody else.")


def _asked(user: User, request: Request) -> bool:
    return request.requester_id == user.pk


ASK: Verb[object] = Verb(lazy("order a machine"), anybody, lazy("You may not order machines."))
DECIDE: Verb[Request] = Verb(lazy("approve or refuse a request"), _decides, _why_not_decide)
WITHDRAW: Verb[Request] = Verb(
    lazy("withdraw a request, and take back what is built for it"), _asked, lazy("Only the requester may withdraw it.")
)
