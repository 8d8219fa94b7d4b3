"""Sign-in for programs: name and password over TLS, beside the browser's session."""

from drf_spectacular.authentication import BasicScheme
from rest_framework.authentication import BasicAuthentication


class Basic(BasicAuthentication):
    """First in the list, so that an answer 401 says how to sign in."""

    www_authenticate_realm = "Leasehold"


class BasicDescribed(BasicScheme):
    """How the interface's description names it."""

    target_class = Basic
