"""What each limit of findings is called, and what it means. Values are whole numbers; days are of 24 hours."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = str | Promise

LIMITS: dict[str, tuple[Words, Words]] = {
    "orphan_scans": (_("Complete scans"), _("That saw a machine without a holder before it is an orphan.")),
    "off_days": (_("Days off"), _("In a row.")),
    "idle_days": (_("Days looked at"), _("Whole days before today.")),
    "idle_percent": (_("Quiet hours, percent"), _("Of the measured hours of those days, at least.")),
    "idle_age_days": (_("Youngest, days"), _("A younger machine is never idle.")),
    "idle_cpu_milli": (_("Processor, thousandths"), _("An hour below this is quiet: 40 are 100 MHz of 2.5 GHz.")),
    "idle_cpu_percent": (_("Processor, percent"), _("And below this, of all its vCPU.")),
    "idle_io_kib": (_("Disk, KiB a second"), _("And below this, read and written.")),
    "idle_net_kib": (_("Network, KiB a second"), _("And below this, received and sent.")),
    "oversized_days": (_("Days looked at"), _("Whole days before today.")),
    "oversized_headroom_percent": (_("Headroom, percent"), _("Recommended beyond what it used.")),
    "snapshot_days": (_("Age, days"), _("From then on a snapshot is old.")),
    "snapshot_chain": (_("Chain"), _("So many on top of each other are too many.")),
    "file_looks": (_("Complete looks"), _("In a row that found a disk file without a user.")),
    "file_days": (_("Days without a user"), _("And without a change.")),
    "file_wait_days": (_("Days to wait"), _("Between renaming a disk file and removing it.")),
    "image_days": (_("Days known"), _("From then on an image without any use is one too many.")),
}

GROUPS: list[tuple[Words, list[str]]] = [
    (_("Orphans"), ["orphan_scans"]),
    (_("Off for long"), ["off_days"]),
    (_("Idle"), [name for name in LIMITS if name.startswith("idle_")]),
    (_("Oversized"), ["oversized_days", "oversized_headroom_percent"]),
    (_("Old snapshots"), ["snapshot_days", "snapshot_chain"]),
    (_("Orphan disks"), ["file_looks", "file_days", "file_wait_days"]),
    (_("Unused images"), ["image_days"]),
]
"""As they stand on the page."""
