"""What use says, in sentences."""

from __future__ import annotations

import pytest
from lucide.templatetags.lucide import lucide

from portal.web.evidencewords import SENTENCES, sentences


@pytest.mark.parametrize(
    ("what", "value", "sentence"),
    [
        ("quiet_hours", "327/336", "Quiet in 327 of 336 measured hours"),
        ("quiet_since", "2026-11-06", "Quiet since 6 November 2026"),
        ("vcpus_wanted", "2/8", "Enough for it: 2 of 8 vCPU"),
        ("memory_wanted", "7168/32768", "Enough for it: 7 GiB of 32 GiB of memory"),
        ("memory_top", "512", "The most memory that was in use is 512 MiB"),
        ("use_untold", "disk,network", "What its hypervisor does not tell: disks, network"),
        ("memory_wanted", "much/more", "Enough for it: much/more of memory"),
    ],
)
def test_use_reads_well(what: str, value: str, sentence: str) -> None:
    (found,) = sentences([{"what": what, "value": value}])

    assert found.sentence.replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{THIN SPACE}", " ") == sentence


def test_every_icon_can_be_drawn() -> None:
    assert all(lucide(icon) for icon, _pattern in SENTENCES.values())
