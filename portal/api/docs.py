"""The page about the API, and what stands where nothing is."""

from __future__ import annotations

from typing import Any

from csp.constants import SELF
from csp.decorators import csp_update
from django.contrib.auth.decorators import login_required
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from portal.api.guarded import Guarded


class SchemaView(Guarded, SpectacularAPIView):
    """The API described, for whoever is signed in."""


class DocsView(SpectacularSwaggerSplitView):
    """Swagger's page without its inline style, so that it stands under our content policy."""

    url_name = "api-schema"
    template_name = "api/docs.html"


# Its icons are data addresses inside its own style sheet.
docs = login_required(csp_update({"img-src": [SELF, "data:"]})(DocsView.as_view()))


class NothingHere(Guarded):
    """Unknown addresses below the API get a problem too, and no redirect that would lose a body."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound
