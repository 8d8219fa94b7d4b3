"""Domain errors: one root with a code, a sentence for a person and, where it has one, the field to blame."""

from __future__ import annotations


class DomainError(Exception):
    """Something that was asked cannot be done; nothing was changed. portal/errors.py maps it to HTTP, once."""

    code = "refused"

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.message = str(message)
        self.field = field


class Invalid(DomainError):
    """A value is wrong; `field` names it, as the caller named it."""

    code = "invalid"


class InvalidMany(Invalid):
    """Several values are wrong at once: field -> sentence."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(" ".join(problems.values()), field=next(iter(problems)))
        self.problems = problems


class Forbidden(DomainError):
    """This person may see the object but not do this to it."""

    code = "forbidden"


class Conflict(DomainError):
    """Somebody or something was first: the object is no longer as the caller saw it."""

    code = "conflict"


class Held(DomainError):
    """A brake holds this back."""

    code = "held"
