"""The error taxonomy that every adapter maps its native faults to."""

from __future__ import annotations


class HypervisorError(Exception):
    """A fault with a stable code, a sentence for a person and an answer to "may we try again?"."""

    code = "hypervisor_error"
    retryable = False

    def __init__(self, message: str, *, native: str = "") -> None:
        """`message` is a sentence for a person; `native` is the hypervisor's own text, for operators only."""
        super().__init__(message)
        self.message = message
        self.native = native


class Unreachable(HypervisorError):
    """No answer, or the connection broke. Nothing is known about whether the call took effect."""

    code = "unreachable"
    retryable = True


class Busy(HypervisorError):
    """The hypervisor answers, but cannot do this now (lock held, task limit, short of memory on its side)."""

    code = "busy"
    retryable = True


class AccessDenied(HypervisorError):
    """Wrong credentials or missing rights."""

    code = "access_denied"


class NotFound(HypervisorError):
    """The object named by a reference does not exist (any more)."""

    code = "not_found"


class NameTaken(HypervisorError):
    """Another object has this name, and the hypervisor does not allow two."""

    code = "name_taken"


class InvalidRequest(HypervisorError):
    """The hypervisor refuses what was asked: a name, a size, a combination."""

    code = "invalid_request"


class NoCapacity(HypervisorError):
    """Nothing fits: no host or datastore has room."""

    code = "no_capacity"


class WrongState(HypervisorError):
    """Not possible in the machine's present state."""

    code = "wrong_state"


class Unsupported(HypervisorError):
    """This adapter has no such capability; named so that a gap can never pass for success."""

    code = "unsupported"


class ObserveOnly(HypervisorError):
    """A changing call was asked of a connection that was opened for reading."""

    code = "observe_only"
