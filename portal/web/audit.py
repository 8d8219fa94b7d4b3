"""Being written."""

from django.http import HttpRequest, HttpResponse


def audit(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()
