"""Being written."""

from django.http import HttpRequest, HttpResponse


def orphans(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def orphan(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()
