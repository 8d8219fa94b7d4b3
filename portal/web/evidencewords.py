"""What is known about a finding, in sentences. Values are hostile: cut here, escaped by the page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.estate.cleaning import cut
from lifecycle.estate.models import Missing
from portal.templatetags.figures import gib

LONGEST = 160
MOMENTS = frozenset({
    "created_at", "first_seen_at", "idle_since", "missing_since", "last_seen_at", "held_since", "left_on", "ended_on",
    "lease_ended_at", "off_since", "stopped_at", "running_since", "remove_at", "oldest_snapshot_at", "image_seen_at",
    "quiet_since", "file_unused_since", "file_changed_at",
})  # fmt: skip

SENTENCES: dict[str, tuple[str, str | Promise]] = {
    "created_by": ("user-round", lazy("Made by “%(value)s”, as the hypervisor’s own events say")),
    "created_at": ("calendar", lazy("Made on %(value)s")),
    "note": ("scroll-text", lazy("The note on it says “%(value)s”")),
    "guest_name": ("tag", lazy("Inside it calls itself “%(value)s”")),
    "addresses": ("network", lazy("It answers to %(value)s")),
    "first_seen_at": ("scan-search", lazy("First seen by a scan on %(value)s")),
    "idle_since": ("moon", lazy("It has done nothing since %(value)s")),
    "power": ("power", lazy("When last seen it was %(value)s")),
    "endpoint": ("layers", lazy("It stands on %(value)s")),
    "pool": ("boxes", lazy("It is placed in %(value)s")),
    # Disk files
    "datastore": ("database", lazy("It lies on %(value)s")),
    "file_endpoints": ("layers", lazy("Nobody who mounts that storage uses it: %(value)s")),
    "file_looks": ("scan-search", lazy("Looks in a row that found it without a user: %(value)s")),
    "file_unused_since": ("calendar", lazy("Without a user since %(value)s")),
    "file_changed_at": ("pencil", lazy("Last changed on %(value)s")),
    "file_word": ("shield-check", lazy("An administrator vouched that no other host uses %(value)s")),
    # Gone
    "missing_reason": ("ghost", lazy("Why it is gone: %(value)s")),
    "missing_by": ("user-round", lazy("Removed by “%(value)s”, as the hypervisor’s own events say")),
    "missing_since": ("scan-search", lazy("No complete scan has seen it since %(value)s")),
    "last_seen_at": ("eye", lazy("Last seen on %(value)s")),
    # Nobody answers for it
    "no_holder": ("user-round-minus", lazy("Neither a person nor a team holds it")),
    "empty_team": ("users-round", lazy("The team “%(value)s” holds it, and nobody is left in that")),
    "holder_left": ("user-round-x", lazy("%(value)s holds it and has left")),
    "left_on": ("calendar-x", lazy("The last day was %(value)s")),
    "supervisor": ("user-round-search", lazy("The supervisor was %(value)s")),
    "purpose": ("message-square-text", lazy("It is there for: “%(value)s”")),
    "held_since": ("calendar", lazy("Held since %(value)s")),
    # Its end
    "no_lease": ("calendar-off", lazy("It has no lease")),
    "lease_ended_at": ("calendar-x", lazy("Its lease was over on %(value)s")),
    "ended_on": ("calendar-x", lazy("Its end was on %(value)s")),
    "held_by": ("pause", lazy("%(value)s put it on hold")),
    "held_reason": ("scroll-text", lazy("Why it is on hold: “%(value)s”")),
    "only_observed": ("eye", lazy("%(value)s is only observed: nothing there is stopped by us")),
    "stopped_at": ("circle-stop", lazy("Its lease stopped it on %(value)s")),
    "running_since": ("play", lazy("It has been running since %(value)s")),
    "started_by": ("user-round", lazy("Started by “%(value)s”, as the hypervisor’s own events say")),
    "remove_at": ("trash-2", lazy("It is to be removed on %(value)s")),
    # Off
    "off_since": ("power", lazy("It has been off since %(value)s")),
    "stopped_by": ("user-round", lazy("Stopped by “%(value)s”, as the hypervisor’s own events say")),
    # Use
    "quiet_hours": ("moon", lazy("Quiet in %(value)s measured hours")),
    "quiet_since": ("calendar", lazy("Quiet since %(value)s")),
    "vcpus_wanted": ("cpu", lazy("Enough for it: %(value)s vCPU")),
    "memory_wanted": ("memory-stick", lazy("Enough for it: %(value)s of memory")),
    "cpu_mean": ("cpu", lazy("On average it used %(value)s of a processor")),
    "cpu_p95": ("cpu", lazy("In 95 of 100 hours of its busiest day it used no more than %(value)s processors")),
    "cpu_top": ("cpu", lazy("In its busiest hour it used %(value)s processors")),
    "memory_p95": (
        "memory-stick",
        lazy("In 95 of 100 hours of its busiest day it used %(value)s of memory or less"),
    ),
    "memory_top": ("memory-stick", lazy("The most memory that was in use is %(value)s")),
    "io_mean": ("hard-drive", lazy("On average it read and wrote %(value)s KiB a second")),
    "net_mean": ("network", lazy("On average it received and sent %(value)s KiB a second")),
    "use_hours": ("clock", lazy("Judged by %(value)s measured hours")),
    "use_untold": ("circle-question-mark", lazy("What its hypervisor does not tell: %(value)s")),
    # Snapshots
    "snapshots": ("camera", lazy("Snapshots on it: %(value)s")),
    "oldest_snapshot": ("tag", lazy("The oldest is called “%(value)s”")),
    "oldest_snapshot_at": ("calendar", lazy("The oldest is of %(value)s")),
    "snapshot_chain": ("layers", lazy("So many stand on top of each other: %(value)s")),
    "snapshot_size": (
        "circle-question-mark",
        lazy("How large they are, the hypervisor does not tell: no saving is reckoned"),
    ),
    # Images
    "image_seen_at": ("scan-search", lazy("Here since %(value)s at least, and no blueprint or machine here uses it")),
    # Doubles
    "uuid": ("hash", lazy("Its UUID is %(value)s")),
    "same_uuid": ("copy", lazy("The same UUID has: %(value)s")),
    "mac": ("network", lazy("One of its MAC addresses is %(value)s")),
    "same_mac": ("copy", lazy("The same MAC address has: %(value)s")),
}
POWERS = {
    "on": lazy("running"),
    "off": lazy("off"),
    "suspended": lazy("suspended"),
    "unknown": lazy("in an unknown state"),
}
REASONS = dict(Missing.choices)
USES = {"disk": lazy("disks"), "network": lazy("network"), "memory": lazy("memory")}
OF = frozenset({"quiet_hours", "vcpus_wanted", "memory_wanted"})
"""Two numbers with a slash between them."""
MEMORY = frozenset({"memory_wanted", "memory_p95", "memory_top"})


@dataclass(frozen=True)
class Evidence:
    icon: str
    sentence: str


def sentences(evidence: Iterable[Mapping[str, str]]) -> list[Evidence]:
    return [_sentence(str(one.get("what", "")), str(one.get("value", ""))) for one in evidence]


def _sentence(what: str, value: str) -> Evidence:
    icon, pattern = SENTENCES.get(what, ("info", _("%(what)s: %(value)s")))
    return Evidence(icon, str(pattern) % {"what": cut(what, LONGEST), "value": _value(what, value)})


def _value(what: str, value: str) -> str:
    if what == "power":
        return str(POWERS.get(value, cut(value, LONGEST)))
    if what == "missing_reason":
        return str(REASONS.get(value, cut(value, LONGEST)))
    if what == "use_untold":
        return ", ".join(str(USES.get(word, cut(word, LONGEST))) for word in value.split(","))
    if what in OF | MEMORY and re.fullmatch(r"\d{1,12}(/\d{1,12})?", value):
        some, _slash, whole = (_amount(what, number) for number in value.partition("/"))
        return _("%(some)s of %(whole)s") % {"some": some, "whole": whole} if whole else some
    if what in MOMENTS:
        try:
            at = datetime.fromisoformat(value)
            return date_format(localtime(at) if at.tzinfo else at, _("j F Y"))
        except ValueError:
            pass
    return cut(" ".join(value.split()), LONGEST)


def _amount(what: str, number: str) -> str:
    return gib(int(number)) if what in MEMORY and number.isdigit() else number
