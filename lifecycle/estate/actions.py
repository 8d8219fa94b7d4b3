"""What can be done about endpoints. New ones are only watched; only administrators touch them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypedDict, Unpack

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Case, DateTimeField, DurationField, ExpressionWrapper, F, Q, Value, When
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from hypervisors import registry
from lifecycle.audit.actions import record
from lifecycle.errors import Invalid, InvalidMany
from lifecycle.estate import connections
from lifecycle.estate.cleaning import cut
from lifecycle.estate.models import Endpoint, SyncToken
from lifecycle.estate.models.endpoints import REACHES
from lifecycle.estate.permissions import MANAGE_ENDPOINTS
from lifecycle.people.models import User
from lifecycle.people.permissions import require

PAUSES = (1, 2, 4, 8, 16, 32, 60)
"""Seconds that an endpoint rests after its first, second, … failure in a row; the last holds for all later ones."""


class Fields(TypedDict, total=False):
    """How an endpoint is reached; its adapter says which of these it wants."""

    address: str
    port: int | None
    transport: str
    path: str
    username: str
    secret: str
    ca_pem: str


class Changes(Fields, total=False):
    name: str


@sensitive_variables()
def add_endpoint(*, name: str, kind: str, by: User, **fields: Unpack[Fields]) -> Endpoint:
    """Puts an endpoint under watch. Nothing is changed on it until an administrator sets its mode."""
    require(by, MANAGE_ENDPOINTS)
    if kind not in registry.kinds():
        raise Invalid(_("There is no such kind of endpoint."), field="kind")
    endpoint = Endpoint(name=name, kind=kind, mode=Endpoint.Mode.OBSERVE, **fields)
    _check(endpoint)
    with transaction.atomic():
        endpoint.save()
        record("endpoint.added", endpoint, by=by, kind=kind, **_shown(endpoint))
    return endpoint


@sensitive_variables()
def change_endpoint(endpoint: Endpoint, *, by: User, **changes: Unpack[Changes]) -> Endpoint:
    """Changes name or access. Where the secret would go to a new place it must be given again; blank keeps it."""
    require(by, MANAGE_ENDPOINTS)
    with transaction.atomic():
        endpoint = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
        wanted = {name: value for name, value in changes.items() if name != "secret" or value}
        changed = sorted(name for name, value in wanted.items() if getattr(endpoint, name) != value)
        if endpoint.secret and "secret" not in wanted and set(changed) & set(REACHES):
            raise Invalid(_("Give the secret again: it would go to another place or person."), field="secret")
        for name in changed:
            setattr(endpoint, name, wanted[name])
        _check(endpoint, places=bool(set(changed) - {"name"}))
        if changed:
            endpoint.save(update_fields=changed)
            if set(changed) & set(REACHES):
                # Where the last look ended means nothing elsewhere: the next one reads everything.
                SyncToken.objects.filter(endpoint=endpoint).delete()
            record("endpoint.changed", endpoint, by=by, changed=changed, **_shown(endpoint))
    return endpoint


def set_mode(endpoint: Endpoint, mode: Endpoint.Mode, *, by: User, reason: str) -> Endpoint:
    """Lets the portal change things there, or only watch again. Needs a reason; the same mode again does nothing."""
    require(by, MANAGE_ENDPOINTS)
    if not reason.strip():
        raise Invalid(_("Say why."), field="reason")
    with transaction.atomic():
        before = endpoint.mode
        if Endpoint.objects.filter(pk=endpoint.pk).exclude(mode=mode).update(mode=mode):
            record("endpoint.mode_set", endpoint, by=by, reason=reason.strip(), before=before, after=mode.value)
    endpoint.mode = mode
    return endpoint


def set_limits(
    endpoint: Endpoint, *, by: User, blast_count: int, blast_percent: int, parallel: int, reason: str = ""
) -> Endpoint:
    """How much may be removed within an hour before it waits for an administrator, and how much runs at once."""
    require(by, MANAGE_ENDPOINTS)
    with transaction.atomic():
        endpoint = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
        limits = {"blast_count": blast_count, "blast_percent": blast_percent, "parallel": parallel}
        changed = {name: value for name, value in limits.items() if getattr(endpoint, name) != value}
        for name, value in changed.items():
            setattr(endpoint, name, value)
        _check(endpoint, only=set(limits))
        if changed:
            endpoint.save(update_fields=list(changed))
            record("endpoint.limits_set", endpoint, by=by, reason=reason, **limits)
    return endpoint


def record_failure(endpoint_id: int, message: str) -> None:
    """It did not answer: it rests, longer each time. Calls that fail while it rests already do not add to that."""
    pause = Case(
        *[When(failures=count, then=Value(timedelta(seconds=pause))) for count, pause in enumerate(PAUSES)],
        default=Value(timedelta(seconds=PAUSES[-1])),
        output_field=DurationField(),
    )
    awake = Q(rests_until=None) | Q(rests_until__lte=Now())
    Endpoint.objects.filter(awake, pk=endpoint_id).update(
        failing_since=Coalesce("failing_since", Now()),
        failures=F("failures") + 1,
        rests_until=ExpressionWrapper(Now() + pause, output_field=DateTimeField()),
        scan_error=cut(message, 2000),
    )


def wake_up(endpoint_id: int) -> None:
    """Ends its rest: it is tried at once, by one worker. It counts as failing until it answers."""
    Endpoint.objects.filter(pk=endpoint_id).update(rests_until=None)


def record_answer(endpoint_id: int) -> None:
    """It answers again."""
    Endpoint.objects.filter(pk=endpoint_id, failing_since__isnull=False).update(
        failing_since=None, failures=0, rests_until=None, scan_error=""
    )


def _check(endpoint: Endpoint, *, only: set[str] | None = None, places: bool = True) -> None:
    """Column rules first, then the adapter's allow-list. Raises Invalid."""
    every = {field.name for field in Endpoint._meta.fields}
    if not endpoint.name.isprintable():
        raise Invalid(_("The name has characters that cannot be shown."), field="name")
    try:
        endpoint.full_clean(exclude=every - only if only else {"id", "secret"})
    except ValidationError as error:
        raise InvalidMany({name: " ".join(words) for name, words in error.message_dict.items()}) from error
    if only is None and places:
        connections.validate_target(endpoint)


def _shown(endpoint: Endpoint) -> dict[str, Any]:
    """What the record keeps: where to, never the secret."""
    return {name: getattr(endpoint, name) for name in ("address", "port", "transport", "path", "username")}
