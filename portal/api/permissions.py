"""Who may enter an endpoint at all; what they may do inside is asked by the actions."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from lifecycle.people.permissions import LOOK_INTO_HOUSE, RUN_HOUSE, require


class OfTheHouse(BasePermission):
    """Administrators and auditors read; only administrators go on to change something."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        require(request.user, LOOK_INTO_HOUSE if request.method in SAFE_METHODS else RUN_HOUSE)
        return True
