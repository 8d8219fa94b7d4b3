"""Makes the keys of an installation. `python -m portal.keys` prints both, as lines for its environment file.

Not a management command: those need settings, and settings need keys. Standard library only.
"""

import base64
import secrets


def signing_key() -> str:
    """A value for SECRET_KEY."""
    return secrets.token_urlsafe(50)


def fernet_key() -> str:
    """A value for SECRETS_KEYS; put a new one in front of the older ones to rotate."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def is_fernet_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, altchars=b"-_", validate=True)) == 32
    except ValueError:
        return False


if __name__ == "__main__":
    print(f"SECRET_KEY={signing_key()}\nSECRETS_KEYS={fernet_key()}")
