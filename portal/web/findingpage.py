"""Everything one finding's page shows, gathered once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext_lazy as _

from lifecycle.leases.permissions import ASSIGN_HOLDER
from lifecycle.people.models import User
from lifecycle.people.permissions import may, runs_the_house
from lifecycle.sprawl.models import Finding, Kind
from lifecycle.sprawl.proposals import PROPOSALS
from lifecycle.sprawl.reports import SHOWN
from portal.web import evidencewords
from portal.web.findingrows import Row
from portal.web.machinepage import MachinePage

MOST = 10
WHO = ("sprawl/_who.html", "findings/_nothing.html")


@dataclass(frozen=True)
class Act:
    """A link to where something can be done about it."""

    words: str | Promise
    url: str


@dataclass(frozen=True)
class Moment:
    at: datetime
    icon: str
    words: str | Promise


def visible(user: User, pk: int) -> Finding:
    """Raises Finding.DoesNotExist, also when it is there but not for them."""
    return Finding.objects.visible_to(user).select_related(*SHOWN).get(pk=pk)


class FindingPage:
    def __init__(self, finding: Finding, by: User) -> None:
        self.finding = finding
        self.by = by
        self.row = Row(finding)

    @property
    def evidence(self) -> list[evidencewords.Evidence]:
        return evidencewords.sentences(self.finding.evidence)

    @property
    def is_open(self) -> bool:
        return self.finding.ended_at is None

    @property
    def is_orphan(self) -> bool:
        return self.finding.kind == Kind.ORPHAN and self.is_open

    @cached_property
    def beside(self) -> list[Row]:
        """What else stands open about the same machine."""
        if self.finding.machine_id is None:
            return []
        others = Finding.objects.filter(machine=self.finding.machine_id, ended_at=None).exclude(pk=self.finding.pk)
        return [Row(other) for other in others.select_related("machine__endpoint")]

    @property
    def acts(self) -> list[Act]:
        """What this person can do about it, by the pages that there are."""
        return list(filter(None, self._acts())) if self.is_open else []

    def _acts(self) -> list[Act | None]:
        machine = self.row.machine
        if machine is None:
            words = _("Open the disk file") if self.finding.disk_file_id else _("Open the endpoint")
            file = self.finding.disk_file_id
            page = ("disk", file) if file else ("endpoint", self.row.endpoint.pk)
            return [_act(words, *page)] if runs_the_house(self.by) else []
        if self.finding.kind == Kind.ORPHAN:
            return [_act(_("Assign a holder…"), "orphan", self.finding.pk)] if may(self.by, ASSIGN_HOLDER) else []
        seen = MachinePage(machine, self.by)
        return [
            _act(_("Give it back…"), "machine-give-back", machine.pk) if seen.can_give_back else None,
            _act(_("Extend…"), "machine-extend", machine.pk) if seen.can_extend else None,
        ]

    @property
    def exempt_url(self) -> str:
        """Where it is said why this is no finding."""
        may_exempt = self.is_open and self.finding.exemption_id is None and runs_the_house(self.by)
        return _address("finding-exempt", self.finding.pk) if may_exempt else ""

    @property
    def proposal(self) -> str | Promise:
        return PROPOSALS[self.finding.kind].words

    @cached_property
    def history(self) -> list[Moment]:
        """Of this finding, and when the same was found of the same thing before; the latest first."""
        one = self.finding
        moments = [
            Moment(one.since, "calendar", _("It began then, as well as we know")),
            Moment(one.found_at, "scan-search", _("Found by a scan")),
        ]
        if one.exemption:
            moments.append(Moment(one.exemption.at, "shield-check", _("Exempt from then on")))
        if one.ended_at:
            moments.append(Moment(one.ended_at, "circle-check", _("Ended: its cause had ended")))
        same = Finding.objects.filter(
            machine=one.machine_id, disk_file=one.disk_file_id, image=one.image_id, kind=one.kind
        )
        for earlier in same.filter(ended_at__isnull=False).exclude(pk=one.pk).order_by("-ended_at")[:MOST]:
            assert earlier.ended_at is not None  # noqa: S101 - asked for above
            moments.append(Moment(earlier.found_at, "scan-search", _("Found once before")))
            moments.append(Moment(earlier.ended_at, "circle-check", _("That had ended")))
        return sorted(moments, key=lambda moment: moment.at, reverse=True)

    @property
    def who(self) -> tuple[str, ...]:
        """What is known of whose it might be, where that is worked out."""
        return WHO


def _act(words: str | Promise, name: str, *args: int) -> Act | None:
    url = _address(name, *args)
    return Act(words, url) if url else None


def _address(name: str, *args: int) -> str:
    """Of a page that this installation may not have yet."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
