"""The estate as a tree: endpoint, cluster, host, datastore, and the machines of whatever is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from lifecycle.errors import Invalid
from lifecycle.estate.models import Datastore, Endpoint, Host, Pool
from lifecycle.estate.tree import estate as whole_estate
from lifecycle.estate.tree import machines_in
from portal import paging
from portal.web.access import Asked, readers_only

PARTS: dict[str, type[Pool] | type[Host] | type[Datastore]] = {"pool": Pool, "host": Host, "datastore": Datastore}
KEY = ("name", "pk")
SHOWN_WITH = ("endpoint", "host", "holder", "team")


@dataclass(frozen=True)
class Chosen:
    """What of the tree the address names. Nothing: the endpoints are all that is shown."""

    endpoint: Endpoint | None = None
    kind: str = ""
    part: Pool | Host | Datastore | None = None

    @property
    def title(self) -> str:
        return str(self.part or self.endpoint or _("All endpoints"))

    @property
    def only(self) -> dict[str, Any]:
        return {"endpoint": self.endpoint, **({self.kind: self.part} if self.part else {})}


@require_safe
@readers_only
def estate(request: Asked) -> HttpResponse:
    chosen = _chosen(request.GET)
    page = None
    if chosen.endpoint is not None:
        rows = machines_in(**chosen.only).select_related(*SHOWN_WITH)
        page = paging.page(rows, key=KEY, position=request.GET.get("page", ""))
    context = {"tree": whole_estate(chosen.endpoint), "chosen": chosen, "page": page}
    return render(request, "estate/estate.html", context)


def _chosen(asked: QueryDict) -> Chosen:
    """A part brings its endpoint along. Raises DoesNotExist, or Invalid for what is no number."""
    for kind, model in PARTS.items():
        if kind in asked:
            part = model._default_manager.select_related("endpoint").get(pk=_number(asked.get(kind, ""), kind))
            return Chosen(part.endpoint, kind, part)
    if "endpoint" in asked:
        return Chosen(Endpoint.objects.get(pk=_number(asked.get("endpoint", ""), "endpoint")))
    return Chosen()


def _number(text: str, field: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Invalid(_("This part of the estate is not there."), field=field)
    return int(text)
