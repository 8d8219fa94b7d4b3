"""Who asks. Every endpoint of the API wants somebody signed in, so this is never an anonymous user."""

from __future__ import annotations

from typing import cast

from rest_framework.request import Request

from lifecycle.models import User


def me(request: Request) -> User:
    return cast("User", request.user)
