"""The last net under the log: whatever got that far by mistake is masked before it is written."""

from __future__ import annotations

import logging
import re
from functools import cache

from django.conf import settings

from lifecycle.estate import secrets
from lifecycle.estate.secrets import MASK, SHORTEST
from portal import environment as env

SHAPES = re.compile(
    r"\blh_[A-Za-z0-9_-]{20,}"  # tokens of the API
    r"|\bgAAAA[A-Za-z0-9_=-]{40,}"  # ciphertexts
    r"|(?<=Basic )[A-Za-z0-9+/=]{8,}"
    r"|(?<=Bearer )\S{8,}"
    r"|(?<=://)[^\s/@]*:[^\s/@]+(?=@)"  # user and password in an address
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)


class Formatter(logging.Formatter):
    """Masks message and traceback alike."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


def masked(text: str) -> str:
    for secret in _of_settings():
        text = text.replace(secret, MASK)
    return SHAPES.sub(MASK, secrets.masked(text))


@cache
def _of_settings() -> frozenset[str]:
    words = [settings.SECRET_KEY, *settings.SECRETS_KEYS, settings.EMAIL_HOST_PASSWORD, settings.METRICS_TOKEN]
    words += [str(settings.DATABASES["default"].get("PASSWORD") or ""), env.text("BROKER_SENTINEL_PASSWORD", "")]
    if broker := env.text("BROKER_URL", ""):
        words.append(env.authority("BROKER_URL", env.address("BROKER_URL", broker).netloc)[1])
    return frozenset(word for word in words if word and len(word) >= SHORTEST)
