"""Which fields an endpoint of each kind has, and what they are called there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Kind:
    """Rows of fields; what is not named here stays as the form has it."""

    where: tuple[tuple[str, ...], ...]
    whom: tuple[tuple[str, ...], ...] = ()
    labels: dict[str, Any] = field(default_factory=dict)
    hints: dict[str, Any] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    """Without these there is no such endpoint."""


PORT_443 = _("443, unless it is another.")
TRUST = _("PEM; empty for the authorities that this host trusts. Certificates are always verified.")

KINDS: dict[str, Kind] = {
    "vmware": Kind(
        where=(("address", "port"), ("ca_pem",)),
        whom=(("username", "secret"),),
        needed=("address", "username", "secret"),
        labels={"address": _("vCenter"), "username": _("Account"), "secret": _("Password")},
        hints={
            "address": _("Its host name, as its certificate has it: vcenter.example.org"),
            "port": PORT_443,
            "username": _("One for the portal alone: leasehold@vsphere.local"),
            "ca_pem": TRUST,
        },
    ),
    "xen": Kind(
        where=(("address", "port"), ("ca_pem",)),
        whom=(("username", "secret"),),
        needed=("address", "username", "secret"),
        labels={"address": _("Host of the pool"), "username": _("Account"), "secret": _("Password")},
        hints={
            "address": _("Any host of it, as its certificate has it; the coordinator is found from there."),
            "port": PORT_443,
            "username": _("One with the role of a pool administrator, or root."),
            "ca_pem": TRUST,
        },
    ),
    "kvm": Kind(
        needed=("transport",),
        where=(("transport",), ("address", "port"), ("path",), ("ca_pem",)),
        whom=(("username",), ("secret",)),
        labels={"address": _("Hosts"), "path": _("Sockets"), "secret": _("Certificate and key, or password")},
        hints={
            "transport": _("tls, or unix for libvirt on this host."),
            "address": _(
                "For tls: host names or addresses, with commas between them: kvm-1.example.org, kvm-2.example.org"
            ),
            "port": _("For tls: 16514, unless it is another."),
            "path": _("For unix: the absolute path, as /run/libvirt/libvirt-sock; several with commas between them."),
            "username": _("For tls with a password: the SASL user."),
            "secret": _(
                "For tls: the client’s certificate and its key, both in PEM, or the SASL password. Kept encrypted and "
                "never shown again."
            ),
            "ca_pem": _("For tls: PEM of who signed the hosts’ certificates. These are always verified."),
        },
    ),
    "simulated": Kind(
        where=(("path",),),
        needed=("path",),
        labels={"path": _("File")},
        hints={"path": _("In the folder that is kept for simulated data centres: bremen.dc.sqlite3")},
    ),
}
EVERY = Kind(
    where=(("address", "port"), ("transport", "path"), ("ca_pem",)),
    whom=(("username", "secret"),),
)
"""Of a kind that this portal does not come with; its adapter says which it wants."""
SEVERAL_LINES = ("kvm",)
"""Kinds whose secret has line breaks, which a field of one line would swallow."""
