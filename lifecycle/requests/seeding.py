"""What a guest is told at its first start: asked for with the machine, kept sealed, forgotten as soon as it can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from hypervisors import contract, seeds
from hypervisors.errors import InvalidRequest
from lifecycle.catalog.models import Blueprint
from lifecycle.catalog.queries import takes_seed
from lifecycle.errors import Invalid
from lifecycle.estate.models import Seed
from lifecycle.people import sshkeys
from lifecycle.people.models import User
from lifecycle.requests.models import Request

MOST_KEYS = 50


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be told; with what is wrong about it, a sentence per field."""

    hostname: str = ""
    ssh_keys: Sequence[str] = ()
    user_data: str = field(default="", repr=False)
    problems: dict[str, str] = field(default_factory=dict)


@sensitive_variables()
def told(
    blueprint: Blueprint, *, name: str, hostname: str, ssh_keys: Sequence[str] | None, user_data: str, by: User
) -> Told | None:
    """Checks what is given; None where the guest can be told nothing. Without keys it is all those of the account."""
    if not takes_seed(blueprint):
        given = {"hostname": hostname, "ssh_keys": ssh_keys, "user_data": user_data}
        sentence = _("Machines of %(blueprint)s cannot be told this.") % {"blueprint": blueprint}
        problems = {name: sentence for name, value in given.items() if value}
        return Told(problems=problems) if problems else None
    if ssh_keys is None:
        ssh_keys = list(by.ssh_keys.values_list("text", flat=True))
    keys: dict[str, str] = {}
    problems = {}
    try:
        # The same key twice, under another comment, is one.
        keys = {key.fingerprint: key.text for key in (sshkeys.read(line, field="ssh_keys") for line in ssh_keys)}
    except Invalid as error:
        problems["ssh_keys"] = error.message
    if len(keys) > MOST_KEYS:
        problems["ssh_keys"] = _("At most %(most)s keys.") % {"most": MOST_KEYS}
    hostname = hostname.strip() or name
    problems |= _problem("hostname", contract.Seed(hostname)) if hostname != name else {}
    problems |= _problem("user_data", contract.Seed("machine", (), user_data))
    return Told(hostname, tuple(keys.values()), user_data, problems)


def _problem(name: str, seed: contract.Seed) -> dict[str, str]:
    try:
        seeds.check(seed)
    except InvalidRequest as error:
        return {name: error.message}
    return {}


def columns(told: Told) -> dict[str, Any]:
    """What stays with the request, whatever becomes of the secret part."""
    return {
        "hostname": told.hostname,
        "ssh_keys": list(told.ssh_keys),
        "user_data_bytes": len(told.user_data.encode()),
        "user_data_lines": len(told.user_data.splitlines()),
    }


@sensitive_variables()
def keep(told: Told) -> Seed:
    """Seals what may be secret. Inside the caller's transaction."""
    text = told.user_data
    return Seed.objects.create(user_data=text, sha256=sha256(text.encode()).hexdigest() if text else "")


def argument(request: Request) -> dict[str, Any]:
    """What of it the operation carries: nothing that is secret."""
    return {"seed": {"hostname": request.hostname, "ssh_keys": request.ssh_keys}} if request.seed_id else {}


def forget(request: Request) -> None:
    """The request ends without a machine. Inside the caller's transaction."""
    if request.seed_id is not None:
        Seed.objects.filter(pk=request.seed_id).delete()
        request.seed = None
