"""The suite's settings: the product's own, in test mode, with a private data folder per process.

A settings module and not a conftest, because pytest-django and mypy's plugin read the settings before any conftest.
"""

import os
from pathlib import Path

os.environ["LEASEHOLD_MODE"] = "test"
# Nothing listens: what a test wants done, it does itself.
os.environ.setdefault("BROKER_URL", "memory://")
# Never the folder of a running installation, and none shared between workers or two runs at once.
os.environ["DATA_DIR"] = str(Path(__file__).parents[1] / "var" / "test" / str(os.getpid()))

from portal.settings import *  # noqa: F403
