"""Whether an endpoint can be worked with: asked, and nothing changed. Says what it finds, and never a secret."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from hypervisors import registry, tls
from hypervisors.contract import MEANINGS, Hypervisor, Inventory
from hypervisors.errors import HypervisorError, Unsupported
from lifecycle.audit.actions import record
from lifecycle.errors import DomainError
from lifecycle.estate import connections
from lifecycle.estate.models import Endpoint
from lifecycle.estate.permissions import MANAGE_ENDPOINTS
from lifecycle.estate.secrets import masked
from lifecycle.people.models import User
from lifecycle.people.permissions import require

QUICK = 5.0
"""Seconds for each question, where a person waits for the answers."""
ENDS_SOON = 30
"""Days before the end of a certificate from which on it is pointed out."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The certificate of one host, or why it is not to be trusted."""

    host: str
    certificate: tls.Certificate | None = None
    problem: str = ""

    @property
    def days(self) -> int:
        """Until it ends, by the real time that the other side goes by."""
        return (self.certificate.ends_at - datetime.now(UTC)).days if self.certificate else 0

    @property
    def ends_soon(self) -> bool:
        return self.certificate is not None and self.days < ENDS_SOON


@dataclass(slots=True)
class Report:
    endpoint: Endpoint
    product: str = ""
    certificates: list[Shown] = field(default_factory=list)
    missing_rights: Sequence[str] | None = None
    """None where the kind cannot tell."""
    abilities: list[tuple[str, str, bool]] = field(default_factory=list)
    """Name, meaning, and whether its kind can do it."""
    inventory: Inventory | None = None
    """None where it was not asked for."""
    seconds: float = 0.0
    """What reading the inventory took."""
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """It answers as who it is, its account may do what the portal does, and all of it can be read."""
        trusted = not any(shown.problem for shown in self.certificates)
        complete = self.inventory is None or self.inventory.complete
        return not self.problems and trusted and not self.missing_rights and complete


def check(endpoint: Endpoint, *, by: User) -> Report:
    """What a person asks for and waits for: everything but the inventory, which scans read."""
    require(by, MANAGE_ENDPOINTS)
    report = look(endpoint, timeout=QUICK)
    with transaction.atomic():
        record("endpoint.checked", endpoint, by=by, ok=report.ok)
    return report


def look(endpoint: Endpoint, *, inventory: bool = False, timeout: float | None = None) -> Report:
    """Asks, whatever the endpoint's mode, and writes nothing anywhere."""
    report = Report(endpoint, abilities=list(_abilities(endpoint)))
    try:
        report.certificates = list(_certificates(endpoint, timeout))
        with connections.apart(endpoint, timeout=timeout) as hypervisor:
            report.product = masked(hypervisor.check())
            report.missing_rights = _missing(hypervisor)
            if inventory:
                began = time.monotonic()
                report.inventory = hypervisor.inventory()
                report.seconds = time.monotonic() - began
    except HypervisorError as error:
        report.problems.append(masked(" ".join(filter(None, (error.message, error.native)))))
    except DomainError as error:
        report.problems.append(masked(error.message))
    return report


def _abilities(endpoint: Endpoint) -> Iterator[tuple[str, str, bool]]:
    try:
        able = registry.adapter_class(endpoint.kind).capabilities
    except Unsupported:
        return
    for name, meaning in MEANINGS.items():
        yield name, meaning, getattr(able, name)


def _missing(hypervisor: Hypervisor) -> Sequence[str] | None:
    return list(hypervisor.missing_rights()) if hypervisor.capabilities.rights else None


def _certificates(endpoint: Endpoint, timeout: float | None) -> Iterator[Shown]:
    """Of each host, where it is reached over TLS."""
    target = connections.target(endpoint, read_only=True)
    port = registry.adapter_class(target.kind).tls_port(target)
    if port is None:
        return
    try:
        tls.context(target)
    except (ssl.SSLError, ValueError):
        yield Shown(target.address, problem=_("What was given as certificate authority is no certificate."))
        return
    for host in (each.strip() for each in target.address.split(",")):
        try:
            alone = replace(target, address=host, timeout=timeout or target.timeout)
            yield Shown(host, tls.certificate(alone, port=port))
        except HypervisorError as error:
            yield Shown(host, problem=masked(" ".join(filter(None, (error.message, error.native)))))
