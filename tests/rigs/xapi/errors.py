"""What the server answers instead of a value: an error code and its parameters, all of them strings."""

from __future__ import annotations

NULL = "OpaqueRef:NULL"


class Failure(Exception):
    """`Failure("HANDLE_INVALID", "VM", ref)` goes over the wire as ErrorDescription."""

    def __init__(self, code: str, *params: object) -> None:
        self.details = [code, *(str(param) for param in params)]
        super().__init__(*self.details)

    @classmethod
    def internal(cls, message: str) -> Failure:
        """What an exception that nobody planned for looks like to a client."""
        return cls("INTERNAL_ERROR", f'Failure("{message}")')


class Dropped(Exception):
    """The connection is to be closed without an answer."""
