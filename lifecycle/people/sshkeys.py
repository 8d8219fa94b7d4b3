"""SSH keys of people: public ones, which new machines let in from their first start on."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256

from django.db import transaction
from django.utils.translation import gettext as _

from hypervisors import seeds
from hypervisors.contract import Seed
from hypervisors.errors import InvalidRequest
from lifecycle import clock
from lifecycle.audit.actions import record
from lifecycle.errors import Conflict, Invalid
from lifecycle.people.models import SshKey, User
from lifecycle.people.permissions import KEEP_ACCOUNT, require

MOST = 20
"""Keys of one person."""
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A line of `authorized_keys` without options."""

    text: str
    comment: str
    fingerprint: str


def read(line: str, *, field: str = "key") -> PublicKey:
    """One public key. Raises Invalid; what was given is not repeated, since it may be the private half."""
    text = line.strip()
    if "PRIVATE KEY" in text:
        raise Invalid(
            _("This is the private half. Keep it to yourself, and give the line of the .pub file."), field=field
        )
    try:
        seeds.check(Seed("machine", (text,)))
        kind, blob, *comment = text.split(" ", 2)
        raw = base64.b64decode(blob, validate=True)
    except (InvalidRequest, binascii.Error):
        raise Invalid(
            _("Not a public key. Give one line as ssh-keygen writes it: ssh-ed25519 AAAA…"), field=field
        ) from None
    if not _whole(raw, kind.encode()):
        raise Invalid(_("This key is cut short, or its parts do not belong together."), field=field)
    digest = base64.b64encode(sha256(raw).digest()).decode().rstrip("=")
    return PublicKey(text, comment[0] if comment else "", f"SHA256:{digest}")


def add(person: User, *, key: str, name: str = "", by: User) -> SshKey:
    """Machines that are ordered from now on can be given it. Without a name it is called by its comment."""
    require(by, KEEP_ACCOUNT, person)
    given = read(key)
    name = " ".join((name or given.comment or given.fingerprint[:20]).split())
    if len(name) > LONGEST_NAME:
        raise Invalid(_("At most %(longest)s characters.") % {"longest": LONGEST_NAME}, field="name")
    if not name.isprintable():
        raise Invalid(_("The name has characters that cannot be shown."), field="name")
    with transaction.atomic():
        # Locked, so that two at once do not go beyond the limit or add the same.
        User.objects.select_for_update(of=("self",)).get(pk=person.pk)
        if person.ssh_keys.filter(fingerprint=given.fingerprint).exists():
            raise Invalid(_("You have this key already."), field="key")
        if person.ssh_keys.count() >= MOST:
            raise Conflict(_("You have %(most)s keys. Remove one that is not needed.") % {"most": MOST})
        added = SshKey.objects.create(
            person=person, name=name, text=given.text, fingerprint=given.fingerprint, added_at=clock.now()
        )
        record("ssh_key.added", added, by=by, person=str(person), fingerprint=added.fingerprint)
    return added


def remove(key: SshKey, *, by: User) -> None:
    """It is not given to new machines any more; those that have it keep it. Whoever is second is told so."""
    require(by, KEEP_ACCOUNT, key.person)
    with transaction.atomic():
        if not SshKey.objects.filter(pk=key.pk).delete()[0]:
            raise Conflict(_("This key was removed already."))
        record("ssh_key.removed", key, by=by, person=str(key.person), fingerprint=key.fingerprint)


def _whole(raw: bytes, kind: bytes) -> bool:
    """It consists of parts that each say how long they are (RFC 4253); the first repeats the kind."""
    parts, at = [], 0
    while at < len(raw):
        end = at + 4 + int.from_bytes(raw[at : at + 4])
        parts.append(raw[at + 4 : end])
        at = end
    return at == len(raw) and len(parts) > 1 and parts[0] == kind
