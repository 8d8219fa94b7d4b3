"""`make chaos`: the engine among everything that breaks. Ends with 1 when a promise was broken."""

from __future__ import annotations

import argparse
import os
import random
import sys

from tests.rigs import postgres, redis


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(1000))
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--logs", action="store_true", help="show what the programs wrote")
    given = parser.parse_args(arguments)
    binaries = postgres.programs()
    if binaries is None or redis.missing():
        print("No chaos: it needs PostgreSQL and Redis (Debian packages postgresql, redis-server, redis-sentinel).")
        return 1 if os.environ.get("CI") else 0
    print(f"Chaos with seed {given.seed} and {given.requests} requests.", flush=True)

    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.environment"
    django.setup()
    from tests.chaos.ground import Ground
    from tests.chaos.run import play
    from tests.chaos.scenarios import usual

    with Ground(binaries) as ground:
        result = play(ground, usual(given.seed, given.requests), say=lambda words: print(words, flush=True))
    if given.logs:
        print(result.logs)
    for broken in result.broken:
        print(broken)
    print(result.last_line)
    return 1 if result.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
