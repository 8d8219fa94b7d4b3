"""Plain makers of rows: every argument has a default, so that a test names only what it is about."""

from __future__ import annotations

import base64
import itertools
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from lifecycle import clock
from lifecycle.estate.models import (
    Datastore,
    DiskFile,
    Drift,
    Endpoint,
    Image,
    Machine,
    Meter,
    Pool,
    Power,
    Span,
    Stage,
    Tenure,
)
from lifecycle.money.models import Rate, RateCard
from lifecycle.people import sshkeys, tokens
from lifecycle.people.models import CostCentre, SshKey, Team, Token, User
from lifecycle.sprawl.models import Finding, Kind, Threshold

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)

PRICES: Mapping[Meter, tuple[int, int]] = {
    Meter.VCPU: (8_000_000, 1),
    Meter.MEMORY: (4_000_000, 1024),
    Meter.DISK: (100_000, 1024),
}

_numbers = itertools.count(1)


def utc(text: str) -> datetime:
    """`utc("2026-03-01 12:00")`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def make_user(username: str = "", **fields: Any) -> User:
    username = username or f"person{next(_numbers)}"
    return User.objects.create_user(username, password="secret-for-tests", **fields)


def make_admin(username: str = "", **fields: Any) -> User:
    return make_user(username, role=User.Role.ADMIN, **fields)


def make_token(person: User, name: str = "", **fields: Any) -> tuple[Token, str]:
    """Its row and the token itself."""
    fields.setdefault("scope", Token.Scope.ACT)
    fields.setdefault("last_day", clock.now().astimezone(person.tz).date() + timedelta(days=30))
    return tokens.make(person, name=name or f"token{next(_numbers)}", by=person, **fields)


SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBmR3p0zy3uDKbqunmzD3JhBCmrsRdhauZkhVQBqZJ9L lena@laptop"
FINGERPRINT = "SHA256:K+xkes/ENd58zHQRuayJekGO9oIgldBU3gD8f6S7fCI"
"""As ssh-keygen told it."""


def public_key(comment: str = "") -> str:
    """Another one each time."""
    number = next(_numbers)
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + number.to_bytes(32)
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} {comment or f'key{number}'}"


def make_ssh_key(person: User, name: str = "", key: str = "") -> SshKey:
    return sshkeys.add(person, key=key or public_key(), name=name, by=person)


def make_cost_centre(code: str = "", **fields: Any) -> CostCentre:
    code = code or f"CC{next(_numbers)}"
    return CostCentre.objects.create(code=code, name=fields.pop("name", f"Centre {code}"), **fields)


def make_team(name: str = "", **fields: Any) -> Team:
    fields.setdefault("cost_centre", None)
    fields["cost_centre"] = fields["cost_centre"] or make_cost_centre()
    return Team.objects.create(name=name or f"Team {next(_numbers)}", **fields)


def make_endpoint(name: str = "", **fields: Any) -> Endpoint:
    """Looked at a few times already, unless told otherwise."""
    fields.setdefault("kind", "simulated")
    fields.setdefault("mode", Endpoint.Mode.MANAGE)
    fields.setdefault("scans", 9)
    return Endpoint.objects.create(name=name or f"Endpoint {next(_numbers)}", **fields)


def make_pool(endpoint: Endpoint | None = None, **fields: Any) -> Pool:
    number = next(_numbers)
    fields.setdefault("ref", f"pool-{number}")
    fields.setdefault("name", f"Pool {number}")
    return Pool.objects.create(endpoint=endpoint or make_endpoint(), **fields)


def make_image(endpoint: Endpoint | None = None, **fields: Any) -> Image:
    number = next(_numbers)
    fields.setdefault("ref", f"image-{number}")
    fields.setdefault("name", f"Image {number}")
    return Image.objects.create(endpoint=endpoint or make_endpoint(), **fields)


def make_machine(name: str = "", **fields: Any) -> Machine:
    """An active machine where it has a holder or a team, else one that was found."""
    number = next(_numbers)
    held = fields.get("holder") or fields.get("team")
    fields.setdefault("stage", Stage.ACTIVE if held else Stage.DISCOVERED)
    fields.setdefault("power", Power.ON)
    fields.setdefault("native_ref", f"vm-{number}")
    fields.setdefault("uuid", uuid.uuid4())
    fields.setdefault("vcpus", 2)
    fields.setdefault("memory_mib", 4096)
    fields.setdefault("disk_mib", 20480)
    if "endpoint" not in fields:
        fields["endpoint"] = make_endpoint()
    return Machine.objects.create(name=name or f"machine{number}", **fields)


def make_drift(machine: Machine, column: Drift.Column = Drift.Column.NAME, **fields: Any) -> Drift:
    """Renamed behind the portal's back, unless told otherwise."""
    fields.setdefault("ours", "before")
    fields.setdefault("theirs", "after")
    fields.setdefault("since", BEGINNING)
    return Drift.objects.create(machine=machine, column=column, **fields)


def make_disk_file(endpoint: Endpoint, **fields: Any) -> DiskFile:
    """On the endpoint's first datastore, found without a user often enough and for long enough."""
    store = Datastore.objects.filter(endpoint=endpoint).order_by("pk").first()
    fields.setdefault("datastore", store or Datastore.objects.create(endpoint=endpoint, ref="ds-1", name="ssd-1"))
    number = next(_numbers)
    since = clock.now() - timedelta(days=30)
    defaults = {"ref": f"file-{number}", "name": f"old/left-{number}.vmdk", "size_mib": 40_960, "looks": 5}
    return DiskFile.objects.create(**defaults | {"unused_since": since, "seen_at": clock.now()} | fields)


def make_span(machine: Machine, meter: Meter = Meter.VCPU, **fields: Any) -> Span:
    """Open and from the beginning, of the machine's size, unless told otherwise."""
    fields.setdefault("quantity", getattr(machine, _COLUMNS[meter]))
    fields.setdefault("started_at", BEGINNING)
    fields.setdefault("cause", "handed_over")
    return Span.objects.create(machine=machine, meter=meter, **fields)


def make_tenure(machine: Machine, **fields: Any) -> Tenure:
    """Open and from the beginning, of the machine's holder, unless told otherwise."""
    if not {"holder", "team"} & fields.keys():
        fields.update(holder=machine.holder, team=machine.team)
    fields.setdefault("cost_centre", machine.cost_centre)
    fields.setdefault("started_at", BEGINNING)
    return Tenure.objects.create(machine=machine, **fields)


def make_rate_card(
    name: str = "", valid_from: date = date(2025, 1, 1), prices: Mapping[Meter, tuple[int, int]] = PRICES
) -> RateCard:
    card = RateCard.objects.create(name=name or f"Card {next(_numbers)}", valid_from=valid_from)
    Rate.objects.bulk_create(
        Rate(card=card, meter=meter, micros=micros, per=per) for meter, (micros, per) in prices.items()
    )
    return card


def make_threshold(name: str, value: int, pool: Pool | None = None) -> Threshold:
    return Threshold.objects.create(name=name, value=value, pool=pool)


def make_finding(machine: Machine | None = None, kind: Kind = Kind.IDLE, **fields: Any) -> Finding:
    """Open, and on a new machine unless told what it is about."""
    if machine is None and not {"disk_file", "image"} & fields.keys():
        machine = make_machine()
    fields.setdefault("since", BEGINNING)
    fields.setdefault("found_at", BEGINNING)
    return Finding.objects.create(machine=machine, kind=kind, **fields)


_COLUMNS = {Meter.VCPU: "vcpus", Meter.MEMORY: "memory_mib", Meter.DISK: "disk_mib"}
