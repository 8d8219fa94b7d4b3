"""Lists of holders as files: the orphans to fill in, and the rows of a list with what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.http import StreamingHttpResponse

from lifecycle import clock
from lifecycle.estate.models import Endpoint
from lifecycle.people.models import User
from lifecycle.sprawl.lists.reading import ANSWERED, COLUMNS
from lifecycle.sprawl.lists.template import HEAD, hand_out
from lifecycle.sprawl.models import AdoptionList
from portal import spreadsheets

CHUNK = 1000


def template(*, q: str, endpoint: Endpoint | None, by: User) -> StreamingHttpResponse:
    chunks = hand_out(q=q, endpoint=endpoint, by=by)
    return _answer(HEAD, chunks, f"orphans-{clock.now().astimezone(by.tz):%Y-%m-%d}.csv")


def rows(kept: AdoptionList) -> StreamingHttpResponse:
    head = (*ANSWERED[:1], *COLUMNS, *ANSWERED[1:])
    return _answer(head, _rows(kept), f"holders-{kept.pk}.csv")


def _rows(kept: AdoptionList) -> Iterator[list[tuple[str, ...]]]:
    last = -1
    while found := list(kept.rows.filter(number__gt=last).order_by("number")[:CHUNK]):
        last = found[-1].number
        yield [
            (str(row.number), *(row.given.get(name, "") for name in COLUMNS), row.get_outcome_display(), row.problem)
            for row in found
        ]


def _answer(head: Iterable[str], chunks: Iterable[list[tuple[str, ...]]], name: str) -> StreamingHttpResponse:
    def written() -> Iterator[str]:
        yield spreadsheets.MARK + spreadsheets.lines([head])
        for chunk in chunks:
            yield spreadsheets.lines(chunk)

    answer = StreamingHttpResponse(written(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer
