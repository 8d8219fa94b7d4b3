"""Says whether an endpoint can be worked with. Reads only, there and here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hypervisors import registry
from hypervisors.contract import Inventory
from lifecycle.estate.checking import Report, Shown, look
from lifecycle.estate.secrets import masked
from lifecycle.models import Endpoint


class Command(BaseCommand):
    help = "Asks an endpoint who it is, what its account may do and what stands there. Changes nothing."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("name", help="as it is called under Endpoints")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        endpoint = Endpoint.objects.filter(name=name).first()
        if endpoint is None:
            known = ", ".join(Endpoint.objects.values_list("name", flat=True)) or "none yet"
            raise CommandError(f"There is no endpoint {name}. There are: {known}.")
        report = look(endpoint, inventory=True)
        for line in told(report):
            self.stdout.write(line)
        if not report.ok:
            sys.exit(1)


def told(report: Report) -> Iterator[str]:
    endpoint = report.endpoint
    yield f"{endpoint.name}: {registry.LABELS.get(endpoint.kind, endpoint.kind)}, {endpoint.get_mode_display().lower()}"
    yield _line("answers", report.product or "no")
    for shown in report.certificates:
        yield _line("certificate", _certificate(shown))
    if report.missing_rights is not None:
        yield _line("rights", f"missing: {', '.join(report.missing_rights)}" if report.missing_rights else "all")
    if report.inventory is not None:
        yield from _inventory(report.inventory, report.seconds)
    for name, meaning, able in report.abilities:
        yield _line(name, f"{'yes' if able else 'no':<4}{meaning}")
    for problem in report.problems:
        yield _line("problem", problem)
    yield "It can be worked with." if report.ok else "It cannot be worked with as it is."


def _line(head: str, words: str) -> str:
    return f"  {head:<15} {words}"


def _inventory(found: Inventory, seconds: float) -> Iterator[str]:
    machines = [machine for machine in found.machines if not machine.is_template]
    parts = (("machines", machines), ("hosts", found.hosts), ("datastores", found.datastores), ("images", found.images))
    yield _line("inventory", f"{seconds:.1f} s: {', '.join(f'{len(rows)} {name}' for name, rows in parts)}")
    for gap in found.gaps:
        yield _line("gap", masked(gap))


def _certificate(shown: Shown) -> str:
    if shown.certificate is None:
        return f"{shown.host}: {shown.problem}"
    of = shown.certificate
    ends = f"ends in {shown.days} days" + (", soon" if shown.ends_soon else "")
    return f"{shown.host}: {of.subject}, issued by {of.issuer}, {ends}"
