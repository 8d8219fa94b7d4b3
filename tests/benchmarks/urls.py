"""The portal's addresses and the bare view's."""

from django.urls import path

from portal.urls import handler403, handler404, handler500
from portal.urls import urlpatterns as portal_urls
from tests.benchmarks.bare import bare

__all__ = ["handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [path("bare/<int:pk>/", bare, name="bare"), *portal_urls]
