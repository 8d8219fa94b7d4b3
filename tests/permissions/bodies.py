"""What is sent with each act, so that whoever may do it succeeds. `{person}` stands for the id of that thing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from tests.lifecycle.factories import SSH_KEY

BLUEPRINT = {
    "name": "Debian 12", "image": "{image}", "pool": "{pool}", "sizes": ["{size}"], "approval": "supervisor",
    "default_days": "30", "max_days": "90", "grace_days": "7", "restore_days": "7", "warn_days": "7, 1",
    "icon": "server", "position": "0", "offered": "on",
}  # fmt: skip

PAGES: dict[str, dict[str, Any]] = {
    "machine-power": {"do": "shut_down"},
    "machine-extend": {"last_day": "{later}"},
    "machine-hold": {"reason": "Evidence"},
    "machine-share": {"recipient": "Web Shops", "level": "view_machine"},
    "machine-share-change": {"level": "operate_machine"},
    "order": {
        "key": "a-key", "blueprint": "{blueprint}", "size": "{size}", "name": "one-more", "purpose": "To try",
        "last_day": "{later}", "holder": "me",
    },
    "approve": {"comment": ""},
    "refuse": {"comment": "Not now"},
    "rule-new": {"name": "CI", "effect": "hint", "machine_name": "ci-*", "holder": "lena", "do": "save"},
    "rule": {"name": "Builds", "effect": "managed", "folder": "CI/*", "managed_by": "Jenkins", "do": "save"},
    "inventory": {"file": "{cmdb}"},
    "orphan": {"holder": "jonas", "purpose": "Kept", "last_day": "{later}"},
    "limits": {"off_days": "30", "reason": "Agreed"},
    "finding-exempt": {"scope": "kind", "reason": "A spare", "ends_on": "{later}"},
    "machine-take-back": {"reason": "Not theirs"},
    "adoptions": {"file": "{holders}"},
    "adoption-new": {"machine": "{board}", "holder": "jonas", "purpose": "Kept", "last_day": "{later}"},
    "board-fill": {"machine": "{board}"},
    "board-claim": {"reason": "I made it", "purpose": "Kept", "last_day": "{later}", "for_team": "me"},
    "claim-accept": {"last_day": "{later}"},
    "claim-refuse": {"words": "Not theirs"},
    "endpoint-new": {"name": "Bremen", "kind": "simulated", "path": "bremen.dc.sqlite3"},
    "endpoint-change": {
        "part": "limits", "limits-blast_count": "3", "limits-blast_percent": "2", "limits-parallel": "4",
    },
    "endpoint-mode": {"mode": "observe", "reason": "Night"},
    "disk-rename": {"reason": "Nobody knows it"},
    "disk-day": {"day": "{later}", "reason": "Audit"},
    "storage-word": {"known": "yes", "reason": "All are here"},
    "pause": {"reason": "Fire drill"},
    "operation-clear": {"reason": "Known"},
    "operation-cancel": {"reason": "Not wanted"},
    "operation-resolve": {"verdict": "failed", "reason": "Cleared by hand"},
    "person-new": {
        "username": "nils", "last_name": "Nord", "email": "nils@example.org", "role": "employee", "zone": "UTC",
    },
    "person-change": {"last_name": "Zorn", "email": "zoe@example.org", "role": "employee", "zone": "Europe/Berlin"},
    "person-leave": {"left_on": "{later}"},
    "person-password": {"password": "a long one for tests"},
    "saved-views": {"page": "findings", "name": "Idle ones", "query": "kind=idle"},
    "ssh-key-new": {"key": SSH_KEY},
    "token-new": {"name": "nightly", "scope": "read", "last_day": "{later}"},
    "password": {"present": "secret-for-tests", "password": "a-long-new-one-7", "again": "a-long-new-one-7"},
    "zone": {"zone": "Asia/Tokyo"},
    "theme": {"theme": "dark"},
    "team-new": {"name": "Night Shift", "cost_centre": "{cost-centre}"},
    "team-change": {"name": "Data Platforms", "cost_centre": "{cost-centre}"},
    "cost-centre-new": {"code": "9999", "name": "Rest"},
    "cost-centre-change": {"code": "4121", "name": "Data Platforms"},
    "people-imports": {"file": "{list}"},
    "blueprint-new": BLUEPRINT | {"name": "Debian 12 for night work"},
    "blueprint": BLUEPRINT,
    "size-new": {"name": "Tiny", "vcpus": "1", "memory_mib": "1", "disk_mib": "20"},
    "size": {"name": "Smaller", "vcpus": "2", "memory_mib": "4", "disk_mib": "40"},
    "rate-card-new": {
        "name": "2030", "valid_from": "{next-month}", "vcpu": "7.30", "memory_mib": "3.65", "disk_mib": "0.10",
    },
    "demo-skip": {"to": "day"},
    "demo-by-hand": {"endpoint": "{endpoint}"},
}  # fmt: skip

API: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "api-saved-view-list"): {"page": "findings", "name": "Idle ones", "query": "kind=idle"},
    ("POST", "api-disk-file-rename"): {"reason": "Nobody knows it"},
    ("POST", "api-disk-file-day"): {"day": "{later}", "reason": "Audit"},
    ("POST", "api-storage-vouch"): {"reason": "All are here"},
    ("POST", "api-storage-withdraw-word"): {"reason": "Not all are here"},
    ("POST", "api-ssh-key-list"): {"key": SSH_KEY},
    ("POST", "api-token-list"): {"name": "nightly", "last_day": "{later}"},
    ("POST", "api-quotes"): {"blueprint": "{blueprint}", "size": "{size}", "last_day": "{later}"},
    ("POST", "api-machine-extend"): {"last_day": "{later}"},
    ("POST", "api-machine-hold"): {"reason": "Evidence"},
    ("POST", "api-machine-shares"): {"team": "Web Shops", "level": "see"},
    ("PATCH", "api-machine-share"): {"level": "operate"},
    ("POST", "api-request-list"): {
        "blueprint": "{blueprint}", "size": "{size}", "name": "one-more", "purpose": "To try", "last_day": "{later}",
    },
    ("POST", "api-request-approve"): {},
    ("POST", "api-request-refuse"): {"comment": "Not now"},
    ("POST", "api-rule-list"): {"name": "CI", "effect": "hint", "machine_name": "ci-*", "team": "{team}"},
    ("PATCH", "api-rule-detail"): {"enabled": False},
    ("POST", "api-rule-try"): {"name": "CI", "effect": "hint", "machine_name": "ci-*", "team": "{team}"},
    ("POST", "api-orphan-assign"): {"holder": "{person}", "purpose": "Kept", "last_day": "{later}"},
    ("POST", "api-limits"): {"values": {"off_days": 30}, "reason": "Agreed"},
    ("POST", "api-exemption-list"): {"pool": "{pool}", "reason": "Cold spares", "ends_on": "{later}"},
    ("POST", "api-machine-take-back"): {"reason": "Not theirs"},
    ("POST", "api-adoption-list"): {
        "machines": ["{board}"], "holder": "{person}", "purpose": "Kept", "last_day": "{later}",
    },
    ("POST", "api-board-list"): {"machines": ["{board}"]},
    ("POST", "api-claim-list"): {
        "machine": "{board}", "reason": "I made it", "purpose": "Kept", "last_day": "{later}",
    },
    ("POST", "api-claim-accept"): {"last_day": "{later}"},
    ("POST", "api-claim-refuse"): {"words": "Not theirs"},
    ("POST", "api-endpoint-list"): {"name": "Bremen", "kind": "simulated", "path": "bremen.dc.sqlite3"},
    ("PATCH", "api-endpoint-detail"): {"name": "Bremen"},
    ("POST", "api-endpoint-mode"): {"mode": "observe", "reason": "Night"},
    ("POST", "api-endpoint-limits"): {"blast_count": 3, "blast_percent": 2, "parallel": 4},
    ("POST", "api-operation-clear"): {"reason": "Known"},
    ("POST", "api-operation-cancel"): {"reason": "Not wanted"},
    ("POST", "api-operation-resolve"): {"verdict": "failed", "reason": "Cleared by hand"},
    ("POST", "api-pause"): {"reason": "Fire drill"},
    ("POST", "api-size-list"): {"name": "Tiny", "vcpus": 1, "memory_mib": 1024, "disk_mib": 20480},
    ("PATCH", "api-size-detail"): {"name": "Smaller"},
    ("POST", "api-blueprint-list"): {
        "name": "Debian 12 by night", "image": "{image}", "pool": "{pool}", "sizes": ["{size}"], "default_days": 30,
        "max_days": 90, "grace_days": 7,
    },
    ("PATCH", "api-blueprint-detail"): {"summary": "For tests"},
    ("POST", "api-rate-card-list"): {
        "name": "2030", "valid_from": "{next-month}",
        "prices": {"vcpu": {"micros": 1}, "memory_mib": {"micros": 1}, "disk_mib": {"micros": 1}},
    },
}  # fmt: skip


def filled(value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: filled(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, known) for each in value]
    if isinstance(value, str) and (found := re.fullmatch(r"{(.+)}", value)):
        thing = known[found[1]]
        return SimpleUploadedFile("people.csv", thing) if isinstance(thing, bytes) else thing
    return value
