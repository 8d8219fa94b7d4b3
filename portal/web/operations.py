"""Being written."""

from django.http import HttpRequest, HttpResponse


def operation_list(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def pause(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def resume(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def clear(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()


def retry(request: HttpRequest, **kwargs: object) -> HttpResponse:
    return HttpResponse()
