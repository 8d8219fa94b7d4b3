"""Telling whoever is to decide that something waits for them."""

from __future__ import annotations

from django.utils.translation import gettext as _

from lifecycle.notices.actions import post
from lifecycle.people.queries import admins
from lifecycle.requests.models import Request, Step


def tell_deciders(request: Request, step: Step) -> None:
    """The approver; where nobody is left to ask, all administrators. Nobody is told twice of one step."""
    for person in [step.approver] if step.approver else admins():
        if person.pk == request.requester_id:
            continue
        post(
            person,
            "decision_needed",
            key=f"decision_needed:{step.pk}:{person.pk}",
            subject=_("%(person)s asks for %(machine)s") % {"person": request.requester, "machine": request.name},
            context={
                "requester": str(request.requester),
                "machine": request.name,
                "purpose": request.purpose,
                "cents_per_month": request.cents_per_month,
                "cents_until_end": request.cents_until_end,
                "ends_at": request.ends_at.isoformat(),
                "zone": person.zone,
            },
            path=f"/approvals/{request.pk}/",
        )
