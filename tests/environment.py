"""The suite's settings: the product's own, in test mode, with a private data folder per process.

A settings module and not a conftest, because pytest-django and mypy's plugin read the settings before any conftest.
"""

import os
from pathlib import Path

os.environ["LEASEHOLD_MODE"] = "test"
# Never the data, the database or the queue of a running installation, and nothing that two runs at once would share.
os.environ["DATA_DIR"] = str(Path(__file__).parents[1] / "var" / "test" / str(os.getpid()))
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL", "sqlite:///")
os.environ["BROKER_URL"] = "memory://"
# The browser's driver keeps an event loop in the thread of its tests, and of those that follow in the same process.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
# What tests ask within a minute is not counted, but where that is what is tested.
os.environ["API_RATE"] = os.environ["API_RATE_ANONYMOUS"] = "0"

from portal.settings import *  # noqa: F403
from portal.settings import DATA_DIR, DATABASES

# A file and not memory: only then SQLite locks between threads as it does for the product.
if "sqlite3" in str(DATABASES["default"]["ENGINE"]):
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
