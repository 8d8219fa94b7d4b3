"""Findings, from when on they are ones, whose machines might be, and how they come to a holder."""

from lifecycle.sprawl.models.adoption import AdoptionList, AdoptionRow, BoardPlace, Claim
from lifecycle.sprawl.models.attribution import CmdbFile, CmdbRow, EstateRule, HolderCandidate
from lifecycle.sprawl.models.findings import Confidence, Exemption, Finding, FindingQuerySet, Kind, WasteDay
from lifecycle.sprawl.models.limits import Threshold
from lifecycle.sprawl.models.views import SavedView

__all__ = [
    "AdoptionList",
    "AdoptionRow",
    "BoardPlace",
    "Claim",
    "CmdbFile",
    "CmdbRow",
    "Confidence",
    "EstateRule",
    "Exemption",
    "Finding",
    "FindingQuerySet",
    "HolderCandidate",
    "Kind",
    "SavedView",
    "Threshold",
    "WasteDay",
]
