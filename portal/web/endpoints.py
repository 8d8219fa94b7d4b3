"""Being written."""

from django.http import HttpRequest, HttpResponse


def endpoint_list(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def new(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def endpoint(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def change(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def mode(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def scan(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()
