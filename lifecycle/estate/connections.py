"""From an endpoint's row to an open connection: the only door through which the rules reach a hypervisor."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from hypervisors import registry
from hypervisors.contract import Hypervisor, Target
from hypervisors.errors import AccessDenied, HypervisorError, InvalidRequest, Unreachable, Unsupported
from lifecycle import clock
from lifecycle.errors import Invalid
from lifecycle.estate.models import Endpoint
from lifecycle.estate.secrets import Unreadable, masked

SIMULATED = "simulated"


def target(endpoint: Endpoint, *, read_only: bool | None = None) -> Target:
    """Where and how to connect. A watched endpoint gives a read-only target, whatever is asked for.

    Raises Invalid when a simulated data centre's file would lie outside the folder kept for such files, and
    Unreachable when the secret does not open: work waits until it is given again.
    """
    watched = endpoint.mode != Endpoint.Mode.MANAGE
    simulated = endpoint.kind == SIMULATED
    return Target(
        kind=endpoint.kind,
        address=endpoint.address,
        port=endpoint.port,
        transport=endpoint.transport,
        path=_simulated_path(endpoint.path) if simulated else endpoint.path,
        username=endpoint.username,
        secret=_secret(endpoint),
        ca_pem=endpoint.ca_pem,
        read_only=watched or bool(read_only),
        clock=clock.now if simulated else None,
    )


def validate_target(endpoint: Endpoint) -> None:
    """Checks the fields against the adapter's allow-list, without connecting. Raises Invalid."""
    try:
        registry.adapter_class(endpoint.kind).validate(target(endpoint))
    except Unsupported as error:
        raise Invalid(masked(error.message), field="kind") from error
    except InvalidRequest as error:
        raise Invalid(masked(error.message)) from error


def can(endpoint: Endpoint, capability: str) -> bool:
    """Whether endpoints of its kind can do this; nothing is asked of the endpoint itself."""
    try:
        return bool(getattr(registry.adapter_class(endpoint.kind).capabilities, capability))
    except Unsupported:
        return False


@contextmanager
def connect(endpoint: Endpoint, *, read_only: bool | None = None) -> Iterator[Hypervisor]:
    """An open connection, kept for the next caller of this thread unless it broke meanwhile."""
    wanted = target(endpoint, read_only=read_only)
    connection = _kept_or_new(endpoint.pk, wanted)
    try:
        yield connection
    except HypervisorError as error:
        _hush(error)
        # A session that ran out says AccessDenied: the next try signs in afresh.
        if isinstance(error, Unreachable | AccessDenied):
            _drop(endpoint.pk, wanted)
        raise
    except BaseException:
        # Nobody knows what state the wire is in.
        _drop(endpoint.pk, wanted)
        raise


@contextmanager
def apart(endpoint: Endpoint, *, timeout: float | None = None) -> Iterator[Hypervisor]:
    """A connection of its own that can only read, closed afterwards: for looks that nobody's work is to notice."""
    wanted = target(endpoint, read_only=True)
    try:
        connection = registry.connect(replace(wanted, timeout=timeout or wanted.timeout))
        try:
            yield connection
        finally:
            connection.close()
    except HypervisorError as error:
        _hush(error)
        raise


def close_all() -> None:
    """Closes what this thread keeps."""
    for kept in _connections().values():
        kept.connection.close()
    _connections().clear()


@dataclass(frozen=True, slots=True)
class _Kept:
    target: Target
    connection: Hypervisor


class _Cache(threading.local):
    """Connections of one thread of one process: what came through a fork belongs to the parent."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.kept: dict[tuple[int, bool], _Kept] = {}


_cache = _Cache()


def _connections() -> dict[tuple[int, bool], _Kept]:
    if _cache.pid != os.getpid():
        _cache.pid, _cache.kept = os.getpid(), {}
    return _cache.kept


def _kept_or_new(endpoint_id: int, wanted: Target) -> Hypervisor:
    kept = _connections().get((endpoint_id, wanted.read_only))
    if kept is not None and kept.target == wanted:
        return kept.connection
    if kept is not None:
        # The endpoint's fields were changed since.
        _drop(endpoint_id, kept.target)
    connection = registry.connect(wanted)
    _connections()[endpoint_id, wanted.read_only] = _Kept(wanted, connection)
    return connection


def _drop(endpoint_id: int, used: Target) -> None:
    kept = _connections().pop((endpoint_id, used.read_only), None)
    if kept is not None:
        kept.connection.close()


def _hush(error: HypervisorError) -> None:
    """Adapters mask what they know of; what a hypervisor repeats in words of its own is masked here."""
    error.message, error.native = masked(error.message), masked(error.native)
    error.args = tuple(masked(str(each)) for each in error.args)


def _secret(endpoint: Endpoint) -> str:
    try:
        return endpoint.reveal_secret()
    except Unreadable as error:
        raise Unreachable(_("%(problem)s Give it again.") % {"problem": error}) from None


def _simulated_path(path: str) -> str:
    """Relative paths lie in the folder too; links and `..` are followed before looking."""
    folder = Path(settings.SIMULATED_DIR).resolve()
    found = folder if "\0" in path else (folder / path).resolve()
    if folder not in found.parents:
        raise Invalid(_("The file of a simulated data centre lies in the folder kept for them."), field="path")
    return str(found)
