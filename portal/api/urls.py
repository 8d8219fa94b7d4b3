"""The API's table: /api/v1/."""

from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from portal.api import (
    adoptions,
    audit,
    catalogue,
    claims,
    costs,
    disks,
    docs,
    endpoints,
    enginehealth,
    estate,
    findings,
    imports,
    inventory,
    machines,
    notices,
    operations,
    orphans,
    people,
    prices,
    requests,
    rules,
    savedviews,
    sprawl,
    sprawlrules,
    sshkeys,
    tokens,
)

router = SimpleRouter()
router.register("machines", machines.MachineViewSet, basename="api-machine")
router.register("blueprints", catalogue.BlueprintViewSet, basename="api-blueprint")
router.register("sizes", catalogue.SizeViewSet, basename="api-size")
router.register("rate-cards", prices.RateCardViewSet, basename="api-rate-card")
router.register("requests", requests.RequestViewSet, basename="api-request")
router.register("lines", costs.LineViewSet, basename="api-line")
router.register("cost-centres", costs.CostCentreViewSet, basename="api-cost-centre")
router.register("notices", notices.NoticeViewSet, basename="api-notice")
router.register("findings", findings.FindingViewSet, basename="api-finding")
router.register("saved-views", savedviews.SavedViewViewSet, basename="api-saved-view")
router.register("orphans", orphans.OrphanViewSet, basename="api-orphan")
router.register("rules", rules.RuleViewSet, basename="api-rule")
router.register("inventories", inventory.InventoryViewSet, basename="api-inventory")
router.register("exemptions", sprawlrules.ExemptionViewSet, basename="api-exemption")
router.register("adoptions", adoptions.AdoptionViewSet, basename="api-adoption")
router.register("board", claims.BoardViewSet, basename="api-board")
router.register("claims", claims.ClaimViewSet, basename="api-claim")
router.register("endpoints", endpoints.EndpointViewSet, basename="api-endpoint")
router.register("disk-files", disks.DiskFileViewSet, basename="api-disk-file")
router.register("storage", disks.StorageViewSet, basename="api-storage")
router.register("drifts", estate.DriftViewSet, basename="api-drift")
router.register("operations", operations.OperationViewSet, basename="api-operation")
router.register("audit", audit.EntryViewSet, basename="api-audit")
router.register("people/imports", imports.ImportViewSet, basename="api-people-import")
router.register("people", people.PersonViewSet, basename="api-person")
router.register("teams", people.TeamViewSet, basename="api-team")
router.register("ssh-keys", sshkeys.SshKeyViewSet, basename="api-ssh-key")
router.register("tokens", tokens.TokenViewSet, basename="api-token")

urlpatterns = [
    path("me/", people.MeView.as_view(), name="api-me"),
    path("quotes/", catalogue.QuoteView.as_view(), name="api-quotes"),
    path("costs/", costs.CostsView.as_view(), name="api-costs"),
    path("costs/months/", costs.MonthsView.as_view(), name="api-costs-months"),
    path("estate/", estate.EstateView.as_view(), name="api-estate"),
    path("operations/health/", enginehealth.HealthView.as_view(), name="api-operation-health"),
    path("sprawl/", sprawl.SprawlView.as_view(), name="api-sprawl"),
    path("pause/", operations.PauseView.as_view(), name="api-pause"),
    path("thresholds/", sprawlrules.ThresholdsView.as_view(), name="api-limits"),
    path("schema/", docs.SchemaView.as_view(), name="api-schema"),
    path("docs/", docs.docs, name="api-docs"),
    path("", include(router.urls)),
    re_path("", docs.NothingHere.as_view()),
]
