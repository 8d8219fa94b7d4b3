"""Being written."""

from django.http import HttpRequest, HttpResponse


def costs(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def line(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def statements(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def statement(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()
