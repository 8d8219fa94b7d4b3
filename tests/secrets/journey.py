"""A walk through every door with secrets in hand: right ones and wrong ones, on pages and in the API."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.test import Client

from lifecycle import clock
from lifecycle.estate.models import Endpoint, Seed
from lifecycle.estate.sync import sync
from lifecycle.operations.models import Operation
from lifecycle.requests.actions import approve
from lifecycle.requests.models import Request
from tests.lifecycle.world import World

SECRET = "Zq7-of-the-endpoint-hush-hush"
NEXT_SECRET = "Xp9-given-later-hush-hush"
PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJzq7keyLine\n-----END PRIVATE KEY-----\n"
CA = "-----BEGIN CERTIFICATE-----\nMIIBzq7authorityLine\n-----END CERTIFICATE-----\n"
AUTHORITY = CA.splitlines()[1]
IN_USER_DATA = "Kw4-of-the-guest-hush-hush"
USER_DATA = f"#cloud-config\nchpasswd:\n  list: debian:{IN_USER_DATA}\n"
PASSWORD, NEXT_PASSWORD, WRONG = "secret-for-tests", "a-long-new-one-7", "Vt5-mistyped-password"
API = "/api/v1/"


class Journey:
    """Everything that is answered is kept, with its headers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers: dict[str, str] = {}
        self.token = ""
        self.admin = Client(raise_request_exception=False)
        self.owner = Client(raise_request_exception=False)
        self.owner.force_login(world.owner)

    def ask(
        self,
        method: str,
        path: str,
        data: Any = None,
        *,
        client: Client | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        asks = getattr(client or self.admin, method)
        if path.startswith(API):
            answer = asks(path, json.dumps(data) if data is not None else "", "application/json", headers=headers)
        else:
            answer = asks(path, data, headers=headers)
        said = f"{answer.status_code} {dict(answer.headers)} {answer.content.decode()} {answer.cookies}"
        self.answers[f"{len(self.answers)} {method} {path} -> {answer.status_code}"] = said
        return answer

    def sign_in(self) -> None:
        self.ask("post", "/sign-in/", {"username": "ingrid", "password": WRONG})
        self.ask("post", "/sign-in/", {"username": WRONG, "password": ""})
        assert self.ask("post", "/sign-in/", {"username": "ingrid", "password": PASSWORD}).status_code == 302
        for password in (WRONG, PASSWORD):
            basic = base64.b64encode(f"ingrid:{password}".encode()).decode()
            self.ask("get", f"{API}me/", client=Client(), headers={"Authorization": f"Basic {basic}"})

    def change_password(self) -> None:
        form = {"present": WRONG, "password": NEXT_PASSWORD, "again": NEXT_PASSWORD}
        assert self.ask("post", "/account/password/", form).status_code == 422
        assert self.ask("post", "/account/password/", form | {"present": PASSWORD}).status_code == 302

    def add_endpoints(self) -> list[Endpoint]:
        page = {"kind": "simulated", "name": "By page", "path": "page.dc.sqlite3", "secret": SECRET, "ca_pem": CA}
        self.ask("post", "/endpoints/new/", page | {"path": "/etc/passwd"})
        self.ask("post", "/endpoints/new/", page | {"kind": "none"})
        assert self.ask("post", "/endpoints/new/", page).status_code == 302
        body = {"kind": "simulated", "name": "By API", "path": "api.dc.sqlite3", "secret": PEM + SECRET, "ca_pem": CA}
        for wrong in ({"path": "../x"}, {"name": ""}, {"secret": {"is": SECRET}}, {"kind": "none"}, {"extra": SECRET}):
            self.ask("post", f"{API}endpoints/", body | wrong)
        assert self.ask("post", f"{API}endpoints/", body, headers={"Idempotency-Key": "once"}).status_code == 201
        self.ask("post", f"{API}endpoints/", body, headers={"Idempotency-Key": "once"})
        return list(Endpoint.objects.exclude(pk=self.world.endpoint.pk))

    def change_endpoints(self, endpoints: list[Endpoint]) -> None:
        for endpoint in endpoints:
            place = f"{API}endpoints/{endpoint.pk}/"
            self.ask("patch", place, {"username": "svc"})
            self.ask("patch", place, {"username": "svc", "secret": NEXT_SECRET})
            self.ask("post", f"/endpoints/{endpoint.pk}/change/", {"part": "access", "name": "", "secret": NEXT_SECRET})
            sync(endpoint)  # its file is not there

    def use_token(self) -> None:
        body = {"name": "nightly", "scope": "read", "last_day": str(self.world.day(9))}
        made = self.ask("post", f"{API}tokens/", body)
        self.answers.popitem()  # the one answer that tells it
        self.token = made.json()["token"]
        bearer = {"Authorization": f"Bearer {self.token}"}
        for method, path in (("get", "me/"), ("get", "tokens/"), ("post", "pause/"), ("get", "nothing/")):
            self.ask(method, API + path, client=Client(), headers=bearer)
        self.ask("post", f"{API}tokens/{made.json()['id']}/revoke/")
        self.ask("get", f"{API}me/", client=Client(), headers=bearer)

    def order(self) -> None:
        """User data by page and by program, wrong and right; one machine gets it, and loses it again."""
        world = self.world
        world.blueprint.cloud_init = True
        world.blueprint.save()
        order = {
            "blueprint": world.blueprint.pk, "size": world.small.pk, "purpose": "Leaks", "last_day": str(world.day(9)),
            "user_data": USER_DATA,
        }  # fmt: skip
        page = order | {"key": "a-key", "holder": "me", "name": "by-page", "seeded": "yes"}
        for client, path in ((self.owner, "/order/"), (self.admin, "/order/")):
            self.ask("post", path, page | {"name": "Bad Name"}, client=client)
            self.ask("post", path, page | {"show": "price"}, client=client)
            self.ask("post", path, page | {"user_data": USER_DATA * 400}, client=client)
        assert self.ask("post", "/order/", page, client=self.owner).status_code == 302
        body, once = order | {"name": "by-program"}, {"Idempotency-Key": "order"}
        for wrong in ({"user_data": {"is": USER_DATA}}, {"name": ""}, {"hostname": USER_DATA}, {"extra": USER_DATA}):
            self.ask("post", f"{API}requests/", body | wrong, client=self.owner)
        for _twice in range(2):
            self.ask("post", f"{API}requests/", body, client=self.owner, headers=once)
        for asked in Request.objects.all():
            self.look_at(asked)
        approve(Request.objects.get(name="by-program"), by=world.approver)
        world.dc.add_fault("put_seed", "denied", message=f"cannot write {USER_DATA}")
        world.work_off()
        approve(Request.objects.get(name="by-page"), by=world.approver)
        world.work_off()
        call_command("rotate_keys", stdout=StringIO())
        for asked in Request.objects.all():
            self.look_at(asked)
        clock.move_to(clock.now() + timedelta(minutes=20))
        world.tick()
        assert not Seed.objects.exists()

    def look_at(self, asked: Request) -> None:
        places = [f"/requests/{asked.pk}/", f"/approvals/{asked.pk}/", f"/order/?again={asked.pk}"]
        places += [f"{API}requests/{asked.pk}/", f"{API}requests/{asked.pk}/operation/"]
        if asked.machine_id:
            places += [f"/machines/{asked.machine_id}/"]
            places += [f"{API}machines/{asked.machine_id}/{part}" for part in ("", "seed/", "history/", "operations/")]
        for path in places:
            for client in (self.admin, self.owner):
                self.ask("get", path, client=client)

    def look_around(self) -> None:
        ids = [endpoint.pk for endpoint in Endpoint.objects.all()]
        for pk in ids:
            self.ask("post", f"/endpoints/{pk}/check/")
            self.ask("post", f"{API}endpoints/{pk}/check/")
        pages = ["/endpoints/", "/audit/", "/operations/", "/notices/", "/account/", "/", "/nothing/here/"]
        pages += [f"/endpoints/{pk}/{part}" for pk in ids for part in ("", "change/", "mode/")]
        pages += [f"/operations/{pk}/" for pk in Operation.objects.values_list("pk", flat=True)]
        lists = ("endpoints/", "audit/", "operations/", "operations/health/", "notices/", "me/", "tokens/", "schema/")
        pages += [API + part for part in lists]
        pages += [f"{API}endpoints/{pk}/" for pk in ids]
        for path in pages:
            self.ask("get", path)

    @property
    def known(self) -> list[str]:
        """Each secret in one line, as it would stand in a text."""
        assert self.token
        own = [settings.SECRET_KEY, *settings.SECRETS_KEYS]
        return [
            SECRET,
            NEXT_SECRET,
            IN_USER_DATA,
            PEM.splitlines()[1],
            PASSWORD,
            NEXT_PASSWORD,
            WRONG,
            self.token,
            *own,
        ]


def found_in(texts: dict[str, str], secrets: list[str]) -> list[tuple[str, str]]:
    return [(place, secret) for place, text in texts.items() for secret in secrets if secret in text]
