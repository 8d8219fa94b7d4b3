"""Being written."""

from django.http import HttpRequest, HttpResponse


def catalogue(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def new_blueprint(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def blueprint(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def new_size(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def size(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def new_rate_card(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()
