"""`make chaos`: the engine among everything that breaks. Ends with 1 when a promise was broken."""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
from typing import TYPE_CHECKING

from tests.rigs import postgres, redis
from tests.rigs.libvirt import LibvirtRig
from tests.rigs.libvirt.fixtures import refusal

if TYPE_CHECKING:
    from tests.chaos.ground import Ground
    from tests.chaos.run import Result


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(1000))
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--libvirt", type=int, default=6, help="requests on a real libvirt afterwards; 0 for none")
    parser.add_argument("--logs", action="store_true", help="show what the programs wrote")
    given = parser.parse_args(arguments)
    binaries = postgres.programs()
    if binaries is None or redis.missing():
        print("No chaos: it needs PostgreSQL and Redis (Debian packages postgresql, redis-server, redis-sentinel).")
        return 1 if os.environ.get("CI") else 0
    print(f"Chaos with seed {given.seed} and {given.requests} requests.", flush=True)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is stopped, and its folders go

    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.environment"
    django.setup()
    from tests.chaos.ground import Ground
    from tests.chaos.promises import last_line

    with Ground(binaries) as ground:
        results = [_play(ground, given.seed, given.requests, given.logs)]
        if (reason := refusal()) and given.libvirt:
            print(reason)
        elif given.libvirt:
            print(f"The same on a real libvirt, with {given.libvirt} requests.")
            with LibvirtRig() as rig:
                results.append(_play(ground, given.seed, given.libvirt, given.logs, rig))
    broken = [each for result in results for each in result.broken]
    print(last_line(broken))
    return 1 if broken else 0


def _play(ground: Ground, seed: int, requests: int, logs: bool, rig: LibvirtRig | None = None) -> Result:
    from tests.chaos.run import play
    from tests.chaos.scenarios import usual

    result = play(ground, usual(seed, requests), rig=rig, say=lambda words: print(words, flush=True))
    if logs:
        print(result.logs)
    for broken in result.broken:
        print(broken)
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
