"""Filters that people keep under a name, for themselves or for everybody."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _

from lifecycle.audit.actions import record
from lifecycle.errors import Conflict, Invalid
from lifecycle.people.models import User
from lifecycle.people.permissions import require
from lifecycle.sprawl.models import SavedView
from lifecycle.sprawl.viewing import DROP_VIEW, KEEP_VIEW

PAGES = ("findings", "sprawl", "machines")
"""Names of pages whose filters stand in their address."""
MOST = 100
NOT_KEPT = ("page", "as")


def views_of(user: User) -> QuerySet[SavedView]:
    """One's own, and those for everybody."""
    return SavedView.objects.filter(Q(person=user) | Q(shared=True)).select_related("person").order_by("name", "id")


def save_view(*, page: str, name: str, query: str, shared: bool = False, by: User) -> SavedView:
    """Keeps filters as they stand in an address. Raises Invalid, and Conflict where the name is taken."""
    require(by, KEEP_VIEW)
    name = " ".join(name.replace("\0", "").split())
    if not name or len(name) > 80:
        raise Invalid(_("Give it a name of at most 80 characters."), field="name")
    if page not in PAGES:
        raise Invalid(_("The filters of this page cannot be kept."), field="page")
    kept = _plain(query)
    if len(kept) > 2000:
        raise Invalid(_("These are more filters than can be kept."), field="query")
    if SavedView.objects.filter(person=by).count() >= MOST:
        raise Invalid(_("You have %(most)s views. Delete one first.") % {"most": MOST})
    try:
        with transaction.atomic():
            view = SavedView.objects.create(person=by, page=page, name=name, query=kept, shared=shared)
            record("view.saved", view, by=by, page=page, shared=shared)
    except IntegrityError:
        raise Conflict(_("You have a view of this name."), field="name") from None
    return view


def delete_view(view: SavedView, *, by: User) -> None:
    require(by, DROP_VIEW, view)
    with transaction.atomic():
        record("view.deleted", view, by=by, page=view.page)
        SavedView.objects.filter(pk=view.pk).delete()


def _plain(query: str) -> str:
    asked = QueryDict(query.replace("\0", "").lstrip("?"), mutable=True)
    for name in NOT_KEPT:
        asked.pop(name, None)
    for name in [name for name, value in asked.items() if not value]:
        del asked[name]
    return asked.urlencode()
