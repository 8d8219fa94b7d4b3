"""The bare view: what no page of ours can be cheaper than, and so what each is compared with.

It passes the same middleware, loads session and user, reads one row by its key and renders it in the full page shell.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.views.decorators.http import require_safe

from lifecycle.models import Machine

TEMPLATE = '{% extends "base.html" %}{% block content %}<p>{{ machine.name }}, {{ machine.uuid }}</p>{% endblock %}'


@require_safe
def bare(request: HttpRequest, pk: int) -> HttpResponse:
    template = engines["django"].from_string(TEMPLATE)
    return HttpResponse(template.render({"machine": Machine.objects.get(pk=pk)}, request))
