"""What each role may, as one literal table. Whose something is (holder, team, share, supervisor) is asked elsewhere.

Supervising is no role: whoever has reports decides on their requests.
"""

from __future__ import annotations

import enum

from lifecycle.people.models import User

Role = User.Role


class Right(enum.Enum):
    ACT = "changes what is theirs: orders, holds, shares and gives back machines"
    SEE_MONEY = "sees all lines, statements and cost centres"
    SEE_ALL = "sees every machine and request, and the pages of the house"
    RUN = "runs the house: endpoints, operations, catalogue, prices, people"


RIGHTS: dict[User.Role, frozenset[Right]] = {
    Role.EMPLOYEE: frozenset({Right.ACT}),
    Role.FINANCE: frozenset({Right.ACT, Right.SEE_MONEY}),
    Role.AUDITOR: frozenset({Right.SEE_MONEY, Right.SEE_ALL}),
    Role.ADMIN: frozenset(Right),
}


def has(user: User, right: Right) -> bool:
    return right in RIGHTS[Role.ADMIN if user.is_superuser else Role(user.role)]
