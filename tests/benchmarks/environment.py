"""The benchmark's settings: the suite's own, with the bare view among the addresses."""

from tests.environment import *  # noqa: F403

ROOT_URLCONF = "tests.benchmarks.urls"
# Nobody is told to ask less often.
API_RATE = 1_000_000
