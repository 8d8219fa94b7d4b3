"""Being written."""

from django.http import HttpRequest, HttpResponse


def bar(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def skip(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def mails(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def mail(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def by_hand(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()
