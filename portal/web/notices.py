"""Being written."""

from django.http import HttpRequest, HttpResponse


def notice_list(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()
