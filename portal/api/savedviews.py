"""Filters that people keep under a name."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.models import SavedView
from lifecycle.sprawl.views import PAGES, delete_view, save_view, views_of
from portal.api.asking import Strict, me, sent
from portal.api.fields import Name
from portal.api.listing import Listed


class SavedViewSerializer(serializers.ModelSerializer[SavedView]):
    person = Name()

    class Meta:
        model = SavedView
        fields = ["id", "page", "name", "query", "shared", "person"]
        extra_kwargs = {"query": {"help_text": "As it stands in the address of the page."}}


class SavedViewInput(Strict):
    page = serializers.ChoiceField(PAGES)
    name = serializers.CharField(max_length=80)
    query = serializers.CharField(max_length=2000, default="", allow_blank=True)
    shared = serializers.BooleanField(default=False, help_text="For everybody; each sees only what they may.")


@extend_schema(tags=["findings"])
class SavedViewViewSet(mixins.RetrieveModelMixin, Listed[SavedView]):
    """Mine, and those for everybody, by name."""

    serializer_class = SavedViewSerializer
    page_key = ("name", "id")
    queryset = SavedView.objects.none()

    def get_queryset(self) -> QuerySet[SavedView]:
        return views_of(me(self.request))

    @extend_schema(request=SavedViewInput, responses={201: SavedViewSerializer})
    def create(self, request: Request) -> Response:
        """Keeps filters of a page under a name."""
        view = save_view(by=me(request), **sent(request, SavedViewInput))
        return Response(SavedViewSerializer(view).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Its own, or, for administrators, anybody's that is for everybody."""
        delete_view(self.get_object(), by=me(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
