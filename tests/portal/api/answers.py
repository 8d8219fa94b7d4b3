"""What tests say about answers."""

from __future__ import annotations

from typing import Any

from lifecycle.models import Entry

Answer = Any


def problem(answer: Answer, status: int) -> dict[str, Any]:
    """The problem document of an answer that is no success."""
    assert answer.status_code == status, answer.content[:500]
    assert answer["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:leasehold:")
    assert body["title"] and body["detail"]
    return body


def fine(answer: Answer, status: int = 200) -> Any:
    """The body of an answer that is a success."""
    assert answer.status_code == status, answer.content[:500]
    assert answer["Content-Type"] == "application/json"
    return answer.json()


def verbs() -> list[str]:
    """What the record says was done, in order."""
    return list(Entry.objects.order_by("pk").values_list("verb", flat=True))
