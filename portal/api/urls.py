"""The API's table: /api/v1/."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.routers import SimpleRouter

from portal.api import house, machines, mine, ordering

router = SimpleRouter()
router.register("machines", machines.MachineViewSet, basename="api-machine")
router.register("blueprints", ordering.BlueprintViewSet, basename="api-blueprint")
router.register("requests", ordering.RequestViewSet, basename="api-request")
router.register("lines", mine.LineViewSet, basename="api-line")
router.register("notices", mine.NoticeViewSet, basename="api-notice")
router.register("orphans", house.OrphanViewSet, basename="api-orphan")
router.register("endpoints", house.EndpointViewSet, basename="api-endpoint")
router.register("operations", house.OperationViewSet, basename="api-operation")
router.register("audit", house.EntryViewSet, basename="api-audit")

urlpatterns = [
    path("me/", mine.MeView.as_view(), name="api-me"),
    path("quotes/", ordering.QuoteView.as_view(), name="api-quotes"),
    path("pause/", house.PauseView.as_view(), name="api-pause"),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="api-schema"), name="api-docs"),
    path("", include(router.urls)),
]
