"""What is measured: the requests behind the floors, through the eyes of three people."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from lifecycle import clock
from lifecycle.models import Blueprint, Machine, Size, User
from lifecycle.sprawl.reports import ORDERS, Wanted, findings
from portal import paging
from tests.benchmarks.seed import Cast

API = "/api/v1"
KEY = ("next_at", "id")
PAGE = 50
FLOORS = {
    "list": 62, "search": 98, "last page": 101, "detail": 30, "create": 31,
    "API list": 39, "API search": 101, "API last page": 93, "API detail": 40, "API create": 31,
}  # fmt: skip
"""Milliseconds: a sixth (lists, search), a fifteenth (deep pages of the API) or half (one machine, creating) of what
NetBox 4.4.10 with as many machines takes on a machine like that of docs/benchmarks.md."""
REPORTS = {"sprawl": 8.0, "findings": 8.0, "findings search": 16.0, "findings last page": 9.6}
"""Times the bare view: a search twice, the last page 1.2 times what a list may take."""

Send = Callable[[Client], Any]


@dataclass(frozen=True)
class Case:
    what: str
    who: User
    send: Send
    words: str = ""
    """What is searched for."""
    status: HTTPStatus = HTTPStatus.OK
    writes: bool = False

    @property
    def name(self) -> str:
        return f"{self.what} “{self.words}”" if self.words else self.what

    @property
    def floor(self) -> int | None:
        return FLOORS.get(self.what)

    @property
    def most_times(self) -> float | None:
        return REPORTS.get(self.what)


def cases(cast: Cast) -> Iterator[Case]:
    for who in (cast.admin, cast.typical, cast.heavy):
        yield from _reading(who)
        yield from _reports(who)
        yield from _creating(who)


def _reading(who: User) -> Iterator[Case]:
    page, api = reverse("machines"), f"{API}/machines/"
    seen = Machine.objects.visible_to(who).live()
    one = seen.filter(holder=who).first() or seen.filter(stage="active").order_by("next_at")[100]
    before_last = list(seen.order_by("-next_at", "-id")[: PAGE + 1])[-1]
    last = paging._write(before_last, KEY, backwards=False)
    for prefix, path in (("", page), ("API ", api)):
        yield Case(f"{prefix}list", who, _get(path))
        # One machine's name and address; what 0.7 % and 3.3 % have; what some people are called; what nobody has.
        for words in (one.name, one.addresses[0], "redis-demo", "kafka", "lena brandt", "no-such-machine"):
            yield Case(f"{prefix}search", who, _get(path, q=words), words)
        yield Case(f"{prefix}last page", who, _get(path, page=last))
        yield Case(f"{prefix}detail", who, _get(f"{path}{one.pk}/"))


def _reports(who: User) -> Iterator[Case]:
    if who.decides or who.role == User.Role.ADMIN:
        yield Case("sprawl", who, _get(reverse("sprawl")))
    page, key = reverse("findings"), ORDERS["cost"]
    yield Case("findings", who, _get(page))
    for words in ("redis-demo", "kafka", "no-such-machine"):
        yield Case("findings search", who, _get(page, q=words), words)
    seen = findings(who, Wanted()).order_by(*(name.removeprefix("-") for name in key))
    last = paging._write(list(seen[: PAGE + 1])[-1], key, backwards=False)
    yield Case("findings last page", who, _get(page, page=last))


def _creating(who: User) -> Iterator[Case]:
    blueprint, size = Blueprint.objects.order_by("pk")[0], Size.objects.order_by("pk")[0]
    order = {"blueprint": blueprint.pk, "size": size.pk, "purpose": "Measures how long it takes",
             "last_day": str((clock.now() + timedelta(days=20)).date())}  # fmt: skip

    def fresh() -> dict[str, Any]:
        return order | {"name": f"bench-{uuid.uuid4().hex[:12]}"}

    def by_page(client: Client) -> HttpResponse:
        return client.post(reverse("order"), fresh() | {"holder": "me", "key": uuid.uuid4().hex})  # type: ignore[return-value]

    def by_api(client: Client) -> HttpResponse:
        return client.post(f"{API}/requests/", fresh(), content_type="application/json")  # type: ignore[return-value]

    yield Case("create", who, by_page, status=HTTPStatus.FOUND, writes=True)
    yield Case("API create", who, by_api, status=HTTPStatus.CREATED, writes=True)


def _get(path: str, **query: str) -> Send:
    address = f"{path}?{urlencode(query)}" if query else path
    return lambda client: client.get(address)


def signed_in(who: User) -> Client:
    client = Client(SERVER_NAME=settings.ALLOWED_HOSTS[0])
    client.force_login(who)
    return client
